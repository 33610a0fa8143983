import type { Devp2pNode, Devp2pNodeInit } from './devp2p-node.js'

/** The devp2p side of a node that may never need one: loaded and started for its first peer there. */
export class LateDevp2p {
  private starting: Promise<Devp2pNode> | undefined

  constructor(private readonly init: Devp2pNodeInit) {}

  started(): Promise<Devp2pNode> {
    this.starting ??= this.start()
    return this.starting
  }

  /** Once the services that its conversations belong to have stopped. */
  async stop(): Promise<void> {
    // one that could not start has nothing to stop, and said so to who asked for it
    const side = await this.starting?.catch(() => undefined)
    await side?.stop()
  }

  private async start(): Promise<Devp2pNode> {
    const { Devp2pNode } = await import('./devp2p-node.js')
    const side = new Devp2pNode(this.init)
    await side.start()
    return side
  }
}
