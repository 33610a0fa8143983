import type { PeerId } from '@libp2p/interface'
import * as FIGURES from '../limits/figures.js'
import type { Counters } from './counters.js'

/** Whose identity is used in two places at once. */
export type TwinOf = 'peer' | 'own'

/**
 * Two nodes with one identity (a copied data dir) take each other's place at every peer, and none of the three sees anything
 * but conversations that end. The transports say here what hints at it, and the owner is told when that is sure.
 */
export class Twins {
  readonly #counters: Counters
  readonly #onTwin: ((whose: TwinOf) => void) | undefined
  readonly #signs = new Map<string, number[]>()

  constructor(counters: Counters, onTwin: ((whose: TwinOf) => void) | undefined) {
    this.#counters = counters
    this.#onTwin = onTwin
  }

  /** Something that happens once or twice also where nothing is wrong. */
  suspect(whose: TwinOf, peer: PeerId): void {
    const key = `${whose} ${peer}`
    const now = Date.now()
    const recent = [...(this.#signs.get(key) ?? []).filter(time => now - time < FIGURES.conversation.twins.window), now]
    // the newest last: those that nothing was heard of for long make room
    this.#signs.delete(key)
    if (recent.length >= FIGURES.conversation.twins.enough) {
      this.found(whose)
      return
    }
    this.#signs.set(key, recent)
    const [oldest = key] = this.#signs.keys()
    if (this.#signs.size > FIGURES.conversation.twins.peers) this.#signs.delete(oldest)
  }

  /** It can be nothing else. */
  found(whose: TwinOf): void {
    this.#counters.add(whose === 'own' ? 'twins_of_own' : 'twins_of_peers')
    this.#onTwin?.(whose)
  }
}
