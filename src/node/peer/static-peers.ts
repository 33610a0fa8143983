import type { Libp2p, PeerId } from '@libp2p/interface'
import { anySignal } from '../../base/any-signal.js'
import { persist } from '../../base/persist.js'
import * as FIGURES from '../../limits/figures.js'
import type { Waku } from '../../waku/waku.js'
import type { Libp2pAddress } from '../settings/peer-address.js'

export interface StaticPeersInit {
  node: Libp2p
  waku: Pick<Waku, 'connect'>
  peers: readonly Libp2pAddress[]
}

/** Stays connected with the libp2p peers that the owner named: dials, and dials again with growing pauses whenever one is gone. */
export class StaticPeers {
  private readonly controller = new AbortController()
  private readonly loops: Promise<void>[]

  constructor(private readonly init: StaticPeersInit) {
    // libp2p logs why an attempt failed; the next may do better
    this.loops = init.peers.map(peer =>
      persist(signal => this.connection(peer, signal), this.controller.signal, FIGURES.redial)
    )
  }

  async stop(): Promise<void> {
    this.controller.abort()
    await Promise.all(this.loops)
  }

  /** Resolves when a connection was there and ended; rejects when there was none. */
  private async connection({ peer, address }: Libp2pAddress, stopped: AbortSignal): Promise<void> {
    const { node, waku } = this.init
    const signal = anySignal([stopped, AbortSignal.timeout(FIGURES.redial.dial)])
    await node.dial(address, { signal })
    await waku.connect(peer, { signal })
    await disconnected(node, peer, stopped)
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
