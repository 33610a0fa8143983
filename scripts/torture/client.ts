import { generateKeyPair } from '@libp2p/crypto/keys'
import type { Connection, Libp2p } from '@libp2p/interface'
import { multiaddr } from '@multiformats/multiaddr'
import { keyFromPassword } from '../../src/index.js'
import { createPeerNode, startPeerNode } from '../../src/node/peer-node.js'

/** The password of every node under torture. */
export const PASSWORD = 'torture'
const DIAL_MS = 20_000

/** The peer that posts and asks: all runs of this process share it. */
export class Client {
  private constructor(
    private readonly node: Libp2p,
    /** What requests are encrypted with. */
    readonly key: Uint8Array
  ) {}

  static async start(): Promise<Client> {
    const node = await createPeerNode({ privateKey: await generateKeyPair('secp256k1'), services: {} })
    await startPeerNode(node)
    return new Client(node, await keyFromPassword(PASSWORD))
  }

  /** A connection to a node, which is the only one that there is to it. */
  async connect(address: string): Promise<Connection> {
    return this.node.dial(multiaddr(address), { signal: AbortSignal.timeout(DIAL_MS), force: true })
  }

  async stop(): Promise<void> {
    await this.node.stop()
  }
}
