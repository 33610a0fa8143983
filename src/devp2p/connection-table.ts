import type { PeerId } from '@libp2p/interface'
import type { LimitCounts } from '../limits/counts.js'
import * as FIGURES from '../limits/figures.js'
import { compareBytes, equalBytes, toHex } from '../wire/bytes.js'
import { DisconnectError, DisconnectReason } from './disconnect.js'
import { type InboundPlaces, placeFor } from './inbound-places.js'
import type { RlpxConnection } from './rlpx-connection.js'

export interface ConnectionTableInit extends InboundPlaces {
  /** Our own node id, 64 bytes. */
  id: Uint8Array
  counts: LimitCounts
  /** Told of a peer that lives twice: one that is connected, and goes on, while another of its name is refused for it. */
  onTwin?: ((peer: PeerId) => void) | undefined
}

/** The connections of a host: at most one with each peer, and so many that others opened. */
export class ConnectionTable {
  readonly #init: ConnectionTableInit
  /** By node id, hex. */
  readonly #connections = new Map<string, RlpxConnection>()
  /** Since when others are refused for the sake of a connection, ms. */
  readonly #preferred = new WeakMap<RlpxConnection, number>()

  constructor(init: ConnectionTableInit) {
    this.#init = init
  }

  get all(): RlpxConnection[] {
    return [...this.#connections.values()]
  }

  /** @param id node id, hex */
  get(id: string): RlpxConnection | undefined {
    return this.#connections.get(id)
  }

  /** Why there will be no connection with this peer, of that node id, who comes from `address` (`addressKey`). */
  objection(id: Uint8Array, newcomer: { peer: PeerId; address: string }): DisconnectReason | undefined {
    if (equalBytes(id, this.#init.id)) return DisconnectReason.Self
    return placeFor(newcomer, this.all, this.#init) === undefined ? DisconnectReason.TooManyPeers : undefined
  }

  /**
   * One more, unless there is a connection with that peer already; returns the one that stays. The other is told why.
   *
   * @throws DisconnectError when there is no place for it, or what ended it meanwhile
   */
  register(connection: RlpxConnection): RlpxConnection {
    const name = toHex(connection.id)
    const existing = this.#connections.get(name)
    if (existing !== undefined && !existing.signal.aborted && !this.#yields(existing, connection)) {
      void connection.disconnect(DisconnectReason.AlreadyConnected)
      const since = this.#preferred.get(existing) ?? Date.now()
      this.#preferred.set(existing, since)
      if (existing.heard > since) this.#init.onTwin?.(existing.peer)
      return existing
    }
    if (connection.signal.aborted) throw connection.signal.reason
    if (connection.direction === 'inbound') this.#takePlace(connection)
    this.#connections.set(name, connection)
    if (existing !== undefined) void existing.disconnect(DisconnectReason.AlreadyConnected)
    connection.signal.addEventListener('abort', () => {
      if (this.#connections.get(name) === connection) this.#connections.delete(name)
    })
    return connection
  }

  #takePlace(connection: RlpxConnection): void {
    const newcomer = { peer: connection.peer, address: connection.origin.address }
    const place = placeFor(newcomer, this.all, this.#init)
    if (place === undefined) {
      void connection.disconnect(DisconnectReason.TooManyPeers)
      this.#init.counts.add('refused_connection')
      throw new DisconnectError(DisconnectReason.TooManyPeers, 'local')
    }
    if (place.instead !== undefined) {
      void place.instead.disconnect(DisconnectReason.TooManyPeers)
      this.#init.counts.add('evicted_connection')
    }
  }

  /** When both sides dialled at once, both must keep the same connection: the one of the smaller node id. */
  #yields(existing: RlpxConnection, fresh: RlpxConnection): boolean {
    if (existing.direction === fresh.direction || fresh.opened - existing.opened > FIGURES.devp2p.simultaneous)
      return false
    const weAreSmaller = compareBytes(this.#init.id, fresh.id) < 0
    return weAreSmaller === (fresh.direction === 'outbound')
  }
}
