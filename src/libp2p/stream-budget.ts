import type { Connection } from '@libp2p/interface'
import { addressKey } from '../limits/address-key.js'
import type { Origin } from '../limits/origin.js'

/** The host part of a connection's multiaddr, as one machine, or one NAT, has it. */
export function addressOf(connection: Pick<Connection, 'remoteAddr'>): string {
  const [, protocol = '', host = ''] = connection.remoteAddr.toString().split('/')
  return protocol.startsWith('ip') ? addressKey(host) : `${protocol}/${host}`
}

/** Who is at the other end of a connection. */
export function originOf(connection: Pick<Connection, 'remoteAddr' | 'remotePeer'>): Origin {
  return { peer: connection.remotePeer.toString(), address: addressOf(connection) }
}

/** How many streams of a protocol may be open, over all connections of a peer and of a host. */
export class StreamBudget {
  readonly #perPeer: number
  readonly #perHost: number
  readonly #open = new Map<string, number>()

  constructor(limits: { perPeer: number; perHost: number }) {
    this.#perPeer = limits.perPeer
    this.#perHost = limits.perHost
  }

  /** @returns gives the place back; undefined when there is none */
  enter(connection: Connection): (() => void) | undefined {
    const peer = `peer ${connection.remotePeer.toString()}`
    const host = `host ${addressOf(connection)}`
    if (this.#count(peer) >= this.#perPeer || this.#count(host) >= this.#perHost) return undefined
    this.#add(peer, 1)
    this.#add(host, 1)
    let left = false
    return () => {
      if (left) return
      left = true
      this.#add(peer, -1)
      this.#add(host, -1)
    }
  }

  #count(key: string): number {
    return this.#open.get(key) ?? 0
  }

  #add(key: string, change: number): void {
    const count = this.#count(key) + change
    if (count === 0) this.#open.delete(key)
    else this.#open.set(key, count)
  }
}
