import { cutOf, type TrimBounds } from '../checked-query.js'
import type { LevelRange, LevelStore } from '../database/level-store.js'
import type { TopicChoice } from '../topic-floors.js'
import * as layout from './level-layout.js'
import type { Ledger } from './level-ledger.js'
import { readThrough } from './level-reader.js'

/** Index entries read at once. */
const READ = 2048

/** What of one day is meant, by topic and up to a time. */
export class DayPart {
  readonly day: number
  /** How many that are, at most. */
  readonly count: number
  /** Unix seconds, exclusive. */
  readonly end: number
  /** Tells those that are meant where a range holds others too. */
  readonly accepts: ((topic: number) => boolean) | undefined
  readonly #topics: readonly number[] | undefined
  readonly #except: readonly number[]

  private constructor(day: number, end: number, count: number, { topics, except = [] }: TopicChoice) {
    this.day = day
    this.end = end
    this.count = count
    this.#topics = topics
    this.#except = except
    const spared = new Set(except)
    this.accepts = spared.size === 0 ? undefined : topic => !spared.has(topic)
  }

  static async of(ledger: Ledger, day: number, before: number, { topics, except }: TopicChoice): Promise<DayPart> {
    const end = Math.min(before, (day + 1) * layout.DAY)
    const named = topics ?? except
    if (named === undefined) return new DayPart(day, end, ledger.count(day), {})
    const [counts = []] = await ledger.topicCounts([day], [...named])
    const there = named.filter((_, i) => counts[i] !== 0)
    const sum = counts.reduce((sum, count) => sum + count, 0)
    if (topics !== undefined) return new DayPart(day, end, sum, { topics: there })
    return new DayPart(day, end, ledger.count(day) - sum, { except: there })
  }

  get whole(): boolean {
    return this.end === (this.day + 1) * layout.DAY
  }

  /** The same up to an earlier time. */
  until(end: number): DayPart {
    return new DayPart(this.day, end, this.count, { topics: this.#topics, except: this.#except })
  }

  /** Where its envelopes are found one after another. A whole day goes by its index, which spares reading them. */
  get ranges(): layout.EntryRange[] {
    if (this.#topics !== undefined || this.whole) return this.#indexed
    return [layout.envelopeRange(this.day * layout.DAY, this.end - 1)]
  }

  /** Up to when there is room: its end, or an earlier time. */
  async cut(
    store: LevelStore,
    room: TrimBounds & { first: boolean },
    signal?: AbortSignal | undefined
  ): Promise<number> {
    if (this.count <= room.most && room.envelopes === Number.POSITIVE_INFINITY) return this.end
    const found: { sent: number; size: number }[] = []
    for (const { bounds, read } of this.#indexed)
      for (let range: LevelRange | undefined = bounds; range !== undefined; ) {
        signal?.throwIfAborted()
        const { entries } = await readThrough(store, range, READ)
        for (const [key, value] of entries) {
          const { sent, size } = read(key, value)
          if (sent < this.end) found.push({ sent, size })
        }
        const last = entries.at(-1)
        range = last && { gt: last[0], lt: bounds.lt }
      }
    found.sort((a, b) => a.sent - b.sent)
    return cutOf(found, room, room.first) ?? this.end
  }

  get #indexed(): layout.EntryRange[] {
    const { day, end } = this
    if (this.#topics !== undefined)
      return this.#topics.map(topic => layout.indexRange(day, topic, day * layout.DAY, end - 1))
    return layout.indexBetween(day, this.#except)
  }
}
