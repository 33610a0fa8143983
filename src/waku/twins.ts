import type { PeerId } from '@libp2p/interface'
import type { Counters } from './counters.js'

/** Whose identity is used in two places at once. */
export type TwinOf = 'peer' | 'own'

/** A single sign may have another reason … */
const ENOUGH = 3
/** … and so may some that are this far apart, in ms. */
const WINDOW = 600_000
/** Peers that signs are kept of. */
const MAX_PEERS = 256

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
    const recent = [...(this.#signs.get(key) ?? []).filter(time => now - time < WINDOW), now]
    // the newest last: those that nothing was heard of for long make room
    this.#signs.delete(key)
    if (recent.length >= ENOUGH) {
      this.found(whose)
      return
    }
    this.#signs.set(key, recent)
    const [oldest = key] = this.#signs.keys()
    if (this.#signs.size > MAX_PEERS) this.#signs.delete(oldest)
  }

  /** It can be nothing else. */
  found(whose: TwinOf): void {
    this.#counters.add(whose === 'own' ? 'twins_of_own' : 'twins_of_peers')
    this.#onTwin?.(whose)
  }
}
