import { type Identify, type IdentifyComponents, identify } from '@libp2p/identify'
import type { Peer, PeerData } from '@libp2p/interface'
import { PeerRecord, RecordEnvelope } from '@libp2p/peer-record'
import { CODE_P2P, type Multiaddr } from '@multiformats/multiaddr'
import * as FIGURES from '../../limits/figures.js'

const { maxMessage, maxProtocols, maxAddresses } = FIGURES.identify

/**
 * Identify with bounds on what a peer may say of itself: libp2p compares each protocol that a peer names with each that it
 * named before, and takes up to ten messages of it. Only who was dialled is asked: whoever dials us says by its streams what
 * it wants, and asking each phone would cost as much as serving it. What all are told is put together, and signed, once in a
 * while and not for each.
 *
 * @param now ms
 */
export function limitedIdentify(
  now: () => number = () => performance.now()
): (components: IdentifyComponents) => Identify {
  const make = identify({ maxMessageSize: maxMessage, maxObservedAddresses: maxAddresses, runOnConnectionOpen: false })
  return components => {
    const self = new Self(components, now)
    const peerStore = instead(components.peerStore, {
      patch: (peer, data, options) => components.peerStore.patch(peer, shortened(data), options),
      get: (peer, options) => (components.peerId.equals(peer) ? self.peer() : components.peerStore.get(peer, options))
    })
    const addressManager = instead(components.addressManager, { getAddresses: () => self.addresses })
    const asked = make(instead(components, { peerStore, addressManager }))
    components.events.addEventListener('connection:open', ({ detail: connection }) => {
      if (connection.direction === 'outbound') asked.identify(connection).catch(() => {})
    })
    return asked
  }
}

/** What a node says of itself, kept for a second or until it changes. */
class Self {
  readonly #components: IdentifyComponents
  readonly #now: () => number
  #addresses: Multiaddr[] | undefined
  #peer: Promise<Peer> | undefined
  #until = 0

  constructor(components: IdentifyComponents, now: () => number) {
    this.#components = components
    this.#now = now
    components.events.addEventListener('self:peer:update', () => {
      this.#until = 0
    })
  }

  get addresses(): Multiaddr[] {
    this.#refresh()
    this.#addresses ??= this.#components.addressManager.getAddresses()
    return this.#addresses
  }

  /** With a record of these addresses, signed. */
  peer(): Promise<Peer> {
    this.#refresh()
    this.#peer ??= this.#sign().catch(error => {
      this.#until = 0
      throw error
    })
    return this.#peer
  }

  async #sign(): Promise<Peer> {
    const { peerId, peerStore, privateKey } = this.#components
    const multiaddrs = this.addresses.map(address => address.decapsulateCode(CODE_P2P))
    const peer = await peerStore.get(peerId)
    if (multiaddrs.length === 0) return peer
    const record = await RecordEnvelope.seal(new PeerRecord({ peerId, multiaddrs }), privateKey)
    return { ...peer, peerRecordEnvelope: record.marshal() }
  }

  #refresh(): void {
    const now = this.#now()
    if (now < this.#until) return
    this.#until = now + FIGURES.identify.fresh
    this.#addresses = undefined
    this.#peer = undefined
  }
}

/** The same with something in place of what it has: libp2p's components come one by one and cannot be copied. */
function instead<T extends object>(all: T, changed: Partial<T>): T {
  return new Proxy(all, {
    get: (all, name) => {
      if (name in changed) return changed[name as keyof T]
      const value = Reflect.get(all, name)
      return typeof value === 'function' ? value.bind(all) : value
    }
  })
}

function shortened(data: PeerData): PeerData {
  return {
    ...data,
    ...(data.protocols === undefined ? {} : { protocols: data.protocols.slice(0, maxProtocols) }),
    ...(data.addresses === undefined ? {} : { addresses: data.addresses.slice(0, maxAddresses) })
  }
}
