import { generateKeyPair } from '@libp2p/crypto/keys'
import type { Connection, Libp2p } from '@libp2p/interface'
import { multiaddr } from '@multiformats/multiaddr'
import { delay } from '../../src/base/delay.js'
import { keyFromPassword } from '../../src/index.js'
import { createPeerNode, startPeerNode } from '../../src/node/peer/peer-node.js'

/** The password of every node under torture. */
export const PASSWORD = 'torture'
/** For one attempt, and for all of them. */
const ATTEMPT_MS = 20_000
const DIAL_MS = 60_000
const PAUSE_MS = 100

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

  /**
   * A connection to a node, which is the only one that there is to it; tried again until it is there.
   *
   * @param options.signal aborted when the node is gone
   * @param options.onRefused told of each attempt in vain
   * @throws the reason of the signal, or of the last attempt when there were enough
   */
  async connect(address: string, options: { signal: AbortSignal; onRefused: () => void }): Promise<Connection> {
    const { signal, onRefused } = options
    for (const deadline = performance.now() + DIAL_MS; ; ) {
      try {
        const attempt = AbortSignal.any([signal, AbortSignal.timeout(ATTEMPT_MS)])
        return await this.node.dial(multiaddr(address), { signal: attempt, force: true })
      } catch (err) {
        signal.throwIfAborted()
        onRefused()
        if (performance.now() > deadline) throw err
      }
      await delay(PAUSE_MS, { signal })
    }
  }

  async stop(): Promise<void> {
    await this.node.stop()
  }
}
