import { setTimeout as sleep } from 'node:timers/promises'
import type { Libp2p, PeerId } from '@libp2p/interface'
import type { Waku } from '../waku/waku.js'
import type { Libp2pAddress } from './peer-address.js'

export interface StaticPeersInit {
  node: Libp2p
  waku: Pick<Waku, 'connect'>
  peers: readonly Libp2pAddress[]
  /** Pause before the second attempt, ms; doubles up to `maxPause`. @default 1000 */
  minPause?: number | undefined
  /** @default 60000 */
  maxPause?: number | undefined
}

const DIAL_TIMEOUT_MS = 20_000

/** Stays connected with the libp2p peers that the owner named: dials, and dials again with growing pauses whenever one is gone. */
export class StaticPeers {
  private readonly controller = new AbortController()
  private readonly loops: Promise<void>[]
  private readonly minPause: number
  private readonly maxPause: number

  constructor(private readonly init: StaticPeersInit) {
    this.minPause = init.minPause ?? 1_000
    this.maxPause = init.maxPause ?? 60_000
    this.loops = init.peers.map(peer => this.keep(peer))
  }

  async stop(): Promise<void> {
    this.controller.abort()
    await Promise.all(this.loops)
  }

  private async keep(peer: Libp2pAddress): Promise<void> {
    const { signal } = this.controller
    let pause = this.minPause
    while (!signal.aborted) {
      const since = Date.now()
      await this.connection(peer).catch(() => {}) // libp2p logs why; the next attempt may do better
      // a peer that accepts and hangs up at once is no reason to hurry
      pause = Date.now() - since > this.maxPause ? this.minPause : Math.min(pause * 2, this.maxPause)
      await sleep((pause / 2) * (1 + Math.random()), undefined, { signal }).catch(() => {})
    }
  }

  /** Resolves when a connection was there and ended; rejects when there was none. */
  private async connection({ peer, address }: Libp2pAddress): Promise<void> {
    const { node, waku } = this.init
    const signal = AbortSignal.any([this.controller.signal, AbortSignal.timeout(DIAL_TIMEOUT_MS)])
    await node.dial(address, { signal })
    await waku.connect(peer, { signal })
    await disconnected(node, peer, this.controller.signal)
  }
}

function disconnected(node: Libp2p, peer: PeerId, signal: AbortSignal): Promise<void> {
  return new Promise(resolve => {
    const done = (): void => {
      node.removeEventListener('peer:disconnect', onDisconnect)
      signal.removeEventListener('abort', done)
      resolve()
    }
    const onDisconnect = (event: CustomEvent<PeerId>): void => {
      if (event.detail.equals(peer)) done()
    }
    node.addEventListener('peer:disconnect', onDisconnect)
    signal.addEventListener('abort', done)
    if (signal.aborted || node.getConnections(peer).length === 0) done()
  })
}
