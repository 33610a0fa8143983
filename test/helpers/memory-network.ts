import type { MemoryBudget } from '../../src/limits/memory-budget.js'
import { mostCrowded } from '../../src/limits/most-crowded.js'
import type { WakuNode } from '../../src/waku/waku-node.js'
import { type MemoryChannel, memoryChannels } from './memory-channel.js'
import { ScriptedPeer } from './scripted-peer.js'

/** A third network, in memory: all it does for the bounds is to hand the parts of `Limits` an origin. */
export class MemoryNetwork {
  readonly #node: WakuNode
  readonly #places: number
  readonly #memory: MemoryBudget
  readonly #open = new Set<MemoryChannel>()

  constructor(node: WakuNode, options: { places: number; memory?: MemoryBudget }) {
    this.#node = node
    this.#places = options.places
    this.#memory = options.memory ?? node.limits.memory
  }

  /** Those that are connected, by address. */
  get addresses(): string[] {
    return [...this.#open].map(({ origin }) => origin.address)
  }

  /** A new peer at an address, before its Status; undefined when there is no place for it. */
  async connect(address: string): Promise<ScriptedPeer | undefined> {
    const { throttle } = this.#node.limits
    const { near, far } = await memoryChannels({ address, throttle, memory: this.#memory })
    if (this.#open.size >= this.#places) {
      const crowd = mostCrowded(this.#open, ({ origin }) => origin.address, address)
      if (crowd === undefined) return undefined
      crowd[0].abort(new Error('others have fewer places'))
      this.#open.delete(crowd[0])
    }
    this.#open.add(near)
    void this.#node.run(near).then(() => this.#open.delete(near))
    return new ScriptedPeer(far, near.peer)
  }
}
