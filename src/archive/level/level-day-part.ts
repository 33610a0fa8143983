import { pause } from '../../base/pause.js'
import { cutOf, type TrimBounds } from '../checked-query.js'
import type { LevelRange, LevelStore } from '../database/level-store.js'
import { ArchiveDamagedError } from '../errors.js'
import { inOrder } from '../position.js'
import type { TopicChoice } from '../topic-floors.js'
import * as layout from './level-layout.js'
import { type PostedParts, postedEntries } from './level-posted-entries.js'
import { readThrough } from './level-reader.js'

/** Envelopes read at once. */
const READ = 1000
/** Envelopes of a day that are held in memory, roughly. */
const MAX_NAMED = 32_768

/** What of one day is meant, by topic and up to a time. */
export class DayPart {
  readonly day: number
  /** How many that are, at most. */
  readonly count: number
  /** Unix seconds, exclusive. */
  readonly end: number
  /** Tells those that are meant where all of the day is looked through; absent when all are. */
  readonly accepts: ((topic: number) => boolean) | undefined
  /** They themselves, in order, where that is known. */
  readonly entries: readonly layout.Entry[] | undefined

  private constructor(
    { day, end, count }: { day: number; end: number; count: number },
    { accepts, entries }: Partial<Pick<DayPart, 'accepts' | 'entries'>>
  ) {
    this.day = day
    this.end = end
    this.count = count
    this.accepts = accepts
    this.entries = entries
  }

  /** Of topics the order of ingest tells what there is, where it can. */
  static async of(
    parts: PostedParts,
    day: number,
    before: number,
    { topics, except = [] }: TopicChoice
  ): Promise<DayPart> {
    const part = { day, end: Math.min(before, (day + 1) * layout.DAY), count: parts.ledger.count(day) }
    if (topics !== undefined) {
      const entries = await namedOf(parts, topics, { lower: day * layout.DAY, upper: part.end - 1 })
      if (entries !== undefined) return new DayPart({ ...part, count: entries.length }, { entries })
      const meant = new Set(topics)
      return new DayPart(part, { accepts: topic => meant.has(topic) })
    }
    const spared = new Set(except)
    return new DayPart(part, spared.size === 0 ? {} : { accepts: topic => !spared.has(topic) })
  }

  get whole(): boolean {
    return this.end === (this.day + 1) * layout.DAY
  }

  /** The same up to an earlier time. */
  until(end: number): DayPart {
    const { accepts, entries } = this
    return new DayPart({ ...this, end }, { accepts, entries: entries?.filter(({ sent }) => sent < end) })
  }

  /** Where its envelopes are found one after another. */
  get range(): layout.EntryRange {
    return layout.envelopeRange(this.day * layout.DAY, this.end - 1)
  }

  /** Up to when there is room: its end, or an earlier time. */
  async cut(
    store: LevelStore,
    room: TrimBounds & { first: boolean },
    signal?: AbortSignal | undefined
  ): Promise<number> {
    if (this.count <= room.most && room.envelopes === Number.POSITIVE_INFINITY) return this.end
    if (this.entries !== undefined) return cutOf(this.entries, room, room.first) ?? this.end
    const { bounds, read } = this.range
    const found: { sent: number; size: number }[] = []
    for (let range: LevelRange | undefined = bounds; range !== undefined; ) {
      signal?.throwIfAborted()
      const { entries } = await readThrough(store, range, READ)
      for (const [key, value] of entries) {
        const { sent, size, topic } = read(key, value)
        if (this.accepts?.(topic) !== false) found.push({ sent, size })
      }
      // they come in the order of time: behind it nothing has to be read
      const cut = cutOf(found, room, room.first)
      if (cut !== undefined) return cut
      const last = entries.at(-1)
      range = last && { gt: last[0], lt: bounds.lt }
    }
    return this.end
  }
}

/** What is stored of topics within a time, in order; undefined when that is so much, or in such disorder, that all of it is as soon looked through. */
async function namedOf(
  parts: PostedParts,
  topics: readonly number[],
  span: { lower: number; upper: number }
): Promise<layout.Entry[] | undefined> {
  if (parts.blocks.tail.countOf(topics) > MAX_NAMED) return undefined
  const named: layout.Entry[] = []
  try {
    for await (const _ of postedEntries(parts, span, topics, entry => named.push(entry))) {
      if (named.length > MAX_NAMED) return undefined
      await pause()
    }
  } catch (error) {
    if (error instanceof ArchiveDamagedError) return undefined
    throw error
  }
  return inOrder(named)
}
