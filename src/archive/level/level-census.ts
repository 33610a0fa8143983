import { delay } from '../../base/delay.js'
import type { OneAtATime } from '../../base/one-at-a-time.js'
import { closeIterator, entryBytes, isUnreadable, type LevelEntry, type LevelStore } from '../database/level-store.js'
import * as layout from './level-layout.js'
import type { Ledger } from './level-ledger.js'
import { getReadable } from './level-reader.js'

/** Of the time that queries take, so much may go into looks that nothing asked for. */
const SHARE = 0.01
/** So much of it at most is saved up, and there to begin with, ms. */
const MAX_CREDIT = 20
/** What a look takes, roughly, ms: of itself, and for each entry or count. */
const LOOK = 0.1
const LOOK_ENTRY = 0.002
const LOOK_COUNT = 0.005
/** What was complete is not looked at again for so long, unless something is missing, ms. */
const FRESH = 600_000
const MAX_KNOWN = 8192
/** Entries read at once, and looks between two writes. */
const READ = 2048
const AT_ONCE = 16
/** A look that has no turn between two writes by then is left out: a repair may be under way, ms. */
const PATIENCE = 1000

/** What a query found of a topic on a day. */
export interface Found {
  day: number
  topic: number
  /** Envelopes that the ledger counted before. */
  count: number
  /** Index entries that came. */
  read: number
  /** It asked for all of the day. */
  whole: boolean
}

/** So many envelopes of a day, at least, are counted and not found. */
export interface Short {
  day: number
  missing: number
}

/**
 * Holds what queries find against what the ledger counts: a key that is damaged on the disk hides what it names, and no checksum of a row
 * tells it. Where fewer came than are counted it looks once more, at a moment between two writes: what was stored or pruned meanwhile is
 * nothing that is missing. Parts of a day, of which there is no count, are looked at now and then, as far as a hundredth of the time
 * of all queries goes.
 */
export class Census {
  readonly #store: LevelStore
  readonly #ledger: Ledger
  readonly #queue: OneAtATime
  /** When each was complete. */
  readonly #known = new Map<string, number>()
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

  /** What is missing of the topics of days. */
  async topics(found: readonly Found[]): Promise<Short[]> {
    const due = found.filter(
      ({ day, topic, count, read, whole }) =>
        read < count && (whole || this.#affords(`${day} ${topic}`, LOOK + count * LOOK_ENTRY))
    )
    const short: Short[] = []
    for (let from = 0; from < due.length; from += AT_ONCE) {
      const some = due.slice(from, from + AT_ONCE)
      const looks = await this.between(async () =>
        Promise.all(
          some.map(async ({ day, topic }) => {
            const [counts = []] = await this.#ledger.topicCounts([day], [topic])
            const range = layout.indexRange(day, topic, day * layout.DAY, layout.lastOf(day))
            return await this.#begin(range.bounds, counts[0] as number)
          })
        )
      )
      for (const [i, look] of (looks ?? []).entries()) {
        const { day, topic } = some[i] as Found
        const missing = await look()
        if (missing > 0) short.push({ day, missing })
        else this.#note(`${day} ${topic}`)
      }
    }
    return short
  }

  /** What is missing of a day, by the table of the envelopes or by the index. */
  async day(day: number, table: 'envelopes' | 'index'): Promise<Short | undefined> {
    if (this.#credit <= 0) return undefined
    const count = this.#ledger.count(day)
    this.#credit -= LOOK + count * LOOK_ENTRY
    const bounds = table === 'index' ? layout.indexDay(day).bounds : layout.dayEnvelopes(day)
    const look = await this.between(() => this.#begin(bounds, this.#ledger.count(day)))
    const missing = (await look?.()) ?? 0
    return missing > 0 ? { day, missing } : undefined
  }

  /** Those of some topics that are on other days than is counted: a count that is hidden hides a day's envelopes. */
  async hidden(topics: readonly number[]): Promise<number[]> {
    const days = this.#ledger.days(0, 0xffff)
    const due: number[] = []
    for (const topic of topics) {
      if (due.length === AT_ONCE) break
      if (this.#affords(`${topic}`, LOOK + days.length * LOOK_COUNT)) due.push(topic)
    }
    if (due.length === 0) return []
    const hidden = await this.between(async () => {
      const days = this.#ledger.days(0, 0xffff)
      const counts = await this.#ledger.topicCounts(days, due)
      const spans = await getReadable(this.#store, due.map(layout.topicKey))
      return due.filter((_, i) => {
        const span = spans[i]
        return span === null || layout.readCount(span) !== counts.filter(of => (of[i] as number) > 0).length
      })
    })
    for (const topic of due) if (hidden?.includes(topic) === false) this.#note(`${topic}`)
    return hidden ?? []
  }

  /** Whether it is worth a look that takes so long, ms. */
  #affords(name: string, cost: number): boolean {
    const known = this.#known.get(name)
    if (this.#credit < cost || (known !== undefined && performance.now() - known < FRESH)) return false
    this.#credit -= cost
    return true
  }

  #note(name: string): void {
    if (this.#known.size >= MAX_KNOWN) this.#known.clear()
    this.#known.set(name, performance.now())
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
