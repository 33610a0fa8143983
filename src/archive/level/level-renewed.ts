import { type LevelStore, readAll } from '../database/level-store.js'
import * as layout from './level-layout.js'
import { fingerprintOf } from './newest-envelopes.js'

/** Envelopes that were stored again, since their row was damaged: the order of ingest names them twice, until a repair. They are few. */
export class Renewed {
  readonly #store: LevelStore
  readonly #fingerprints = new Set<number>()

  constructor(store: LevelStore) {
    this.#store = store
  }

  async load(): Promise<void> {
    this.#fingerprints.clear()
    for await (const [key] of readAll(this.#store, layout.allRenewed()))
      if (layout.isWhole(key)) this.#fingerprints.add(fingerprintOf(layout.envelopeHash(key)))
  }

  add(hash: Uint8Array): void {
    this.#fingerprints.add(fingerprintOf(hash))
  }

  /** Whether it may be one of them. */
  include(hash: Uint8Array): boolean {
    return this.#fingerprints.size > 0 && this.#fingerprints.has(fingerprintOf(hash))
  }
}
