import { delay } from '../../base/delay.js'
import type { OneAtATime } from '../../base/one-at-a-time.js'
import { closeIterator, entryBytes, isUnreadable, type LevelEntry, type LevelStore } from '../database/level-store.js'
import * as layout from './level-layout.js'
import type { Ledger } from './level-ledger.js'

/** Of the time that queries take, so much may go into looks that nothing asked for. */
const SHARE = 0.01
/** So much of it at most is saved up, and there to begin with, ms. */
const MAX_CREDIT = 20
/** What a look takes, roughly, ms: of itself, and for each entry. */
const LOOK = 0.1
const LOOK_ENTRY = 0.002
/** Entries read at once. */
const READ = 2048
/** A look that has no turn between two writes by then is left out: a repair may be under way, ms. */
const PATIENCE = 1000

/** So many envelopes of a day, at least, are counted and not found. */
export interface Short {
  day: number
  missing: number
}

/**
 * Holds what queries find against what the ledger counts: a key that is damaged on the disk hides what it names, and no checksum of a row
 * tells it. Where fewer came than are counted it looks once more, at a moment between two writes: what was stored or pruned meanwhile is
 * nothing that is missing. It does so as far as a hundredth of the time of all queries goes.
 */
export class Census {
  readonly #store: LevelStore
  readonly #ledger: Ledger
  readonly #queue: OneAtATime
  readonly #maxCredit: number
  #credit: number

  constructor(store: LevelStore, ledger: Ledger, queue: OneAtATime, maxCredit = MAX_CREDIT) {
    this.#maxCredit = maxCredit
    this.#credit = maxCredit
    this.#store = store
    this.#ledger = ledger
    this.#queue = queue
  }

  /** To be told how long a query took, ms. */
  earn(elapsed: number): void {
    this.#credit = Math.min(this.#maxCredit, this.#credit + elapsed * SHARE)
  }

  /** What is missing of a day. */
  async day(day: number): Promise<Short | undefined> {
    if (this.#credit <= 0) return undefined
    const count = this.#ledger.count(day)
    this.#credit -= LOOK + count * LOOK_ENTRY
    const look = await this.between(() => this.#begin(layout.dayEnvelopes(day), this.#ledger.count(day)))
    const missing = (await look?.()) ?? 0
    return missing > 0 ? { day, missing } : undefined
  }

  /** Does something while nothing is written; undefined when that takes too long to come. */
  async between<T>(work: () => Promise<T>): Promise<T | undefined> {
    const begun = new AbortController()
    let late = false
    const turn = this.#queue.run(async () => {
      begun.abort()
      return late ? undefined : await work()
    })
    const patience = delay(PATIENCE, { signal: begun.signal }).then(
      () => {
        late = true
        return undefined
      },
      () => turn
    )
    return await Promise.race([turn, patience])
  }

  /** Begins to read a range as it is now; what is returned reads it to its end, and tells how many of so many entries are missing. */
  async #begin(range: layout.Bounds, count: number): Promise<() => Promise<number>> {
    const iterator = this.#store.iterator(range)
    let found = 0
    let wrong = 0
    let bytes = 0
    let last: Uint8Array | undefined
    let over = false
    const read = async (): Promise<void> => {
      try {
        const entries: LevelEntry[] = await iterator.nextv(READ)
        over = entries.length === 0
        bytes = entries.reduce((sum, entry) => sum + entryBytes(entry), 0)
        for (const [key] of entries) {
          if (Buffer.compare(key, last ?? range.gte) < (last === undefined ? 0 : 1)) wrong++
          last = key
        }
        found += entries.length
      } catch (error) {
        if (!isUnreadable(error)) throw error
        over = true
        wrong++
      }
    }
    await read()
    return async () => {
      try {
        while (!over) await read()
      } finally {
        if (await closeIterator(iterator, range, { bytes, ended: over })) wrong++
      }
      return found < count ? count - found : Math.min(1, wrong)
    }
  }
}
