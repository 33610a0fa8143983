import './libp2p-node.js'
import type { Libp2p, PrivateKey } from '@libp2p/interface'
import { PacketProtocol, type PacketProtocolComponents } from '../../src/libp2p/packet-protocol.js'
import type { WakuInit } from '../../src/waku/settings.js'
import { type WakuComponents, WakuNode } from '../../src/waku/waku-node.js'
import { libp2pNode } from './libp2p-node.js'

export interface TestNode {
  libp2p: Libp2p
  waku: WakuNode
  stop: () => Promise<void>
}

/** A real node that runs the waku service over the packets protocol. */
export async function wakuNode(
  init: WakuInit = {},
  options: { privateKey?: PrivateKey; withoutIdentify?: boolean } = {}
): Promise<TestNode> {
  let waku!: WakuNode
  const libp2p = await libp2pNode({
    ...options,
    services: {
      waku: (components: WakuComponents) => {
        waku = new WakuNode(components, init)
        return waku
      },
      packets: (components: PacketProtocolComponents) => new PacketProtocol(components, waku)
    }
  })
  return {
    libp2p,
    waku,
    stop: async () => {
      await libp2p.stop()
    }
  }
}

/** Connects two nodes and waits until both have the other's Status. */
export async function join(from: TestNode, to: TestNode): Promise<void> {
  await from.libp2p.dial(to.libp2p.getMultiaddrs())
  await Promise.all([from.waku.connect(to.libp2p.peerId), until(() => isReady(to, from))])
}

function isReady(node: TestNode, other: TestNode): boolean {
  return node.waku.peers().some(({ peer }) => peer.equals(other.libp2p.peerId))
}

/** Waits for something that has no event, a few milliseconds at a time; fails after `deadline` ms. */
export async function until(condition: () => boolean, deadline = 30_000): Promise<void> {
  const end = Date.now() + deadline
  while (!condition()) {
    if (Date.now() > end) throw new Error(`still not so after ${deadline} ms: ${condition.toString()}`)
    await new Promise(resolve => setTimeout(resolve, 5))
  }
}
