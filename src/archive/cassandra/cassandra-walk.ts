import { comparePositions, type Position } from '../position.js'
import { type CassandraDirectory, type Runner, slotsOf } from './cassandra-directory.js'
import {
  dayOf,
  dayStart,
  type Entry,
  entryOf,
  hourOf,
  hourStart,
  LAST_HASH,
  NIBBLES,
  signed
} from './cassandra-entry.js'
import { buffer, type CassandraTables } from './cassandra-tables.js'

/** One partition as far as it was read. */
interface Stream {
  /** Reads on behind a place. */
  read(after: Position, most: number): Promise<Entry[]>
  position: Position
  ahead: Entry[]
  ended: boolean
}

/** Partitions that have to be read together, since their times overlap. */
type Period = Omit<Stream, 'position' | 'ahead' | 'ended'>[]

/** Partitions that are read ahead of need, at most. */
const WINDOW = 64
/** Rows of one read. */
const FEWEST = 16
const MOST = 512

export interface WalkRange {
  /** Unix seconds, both inclusive. */
  lower: number
  upper: number
  /** Only what lies behind. */
  after?: Position | undefined
}

export interface WalkParts {
  runner: Runner
  directory: CassandraDirectory
  tables: CassandraTables
}

/** Entries of several partitions in the order of time and hash, read as far as they are wanted. */
export class CassandraWalk {
  readonly #periods: Period[]
  readonly #accepts: (entry: Entry) => boolean
  readonly #start: Position
  #open: Stream[] = []
  /** Periods that are opened together: more and more where there is little in each. */
  #together = 1

  /** @param periods - ascending in time, without overlap */
  private constructor(periods: Period[], start: Position, accepts: (entry: Entry) => boolean) {
    this.#periods = periods
    this.#start = start
    this.#accepts = accepts
  }

  /** Of some topics: one partition for each of their days that has something, or a few where it has very much. */
  static async ofTopics(
    { runner, directory, tables }: WalkParts,
    range: WalkRange,
    topics: readonly number[]
  ): Promise<CassandraWalk> {
    const { start, from, upper } = startOf(range)
    const [first, last] = [dayOf(from), dayOf(upper)]
    const found = await Promise.all(topics.map(topic => directory.daysOf(runner, topic, first, last)))
    const days = found.flat().sort((a, b) => a.day - b.day)
    const query = `SELECT sent, hash, size, seq FROM ${tables.name('envelope')} WHERE topic = ? AND day = ? AND slot = ? AND (sent, hash) > (?, ?) AND (sent, hash) <= (?, ?) LIMIT ?`
    const periods: { day: number; period: Period }[] = []
    for (const { topic, day, placed } of days) {
      if (periods.at(-1)?.day !== day) periods.push({ day, period: [] })
      const end = Math.min(upper, dayStart(day + 1) - 1)
      for (let slot = 0; slot < slotsOf({ placed }); slot++)
        periods.at(-1)?.period.push({
          read: async ({ sent, hash }, most) => {
            const params = [signed(topic), day, slot, sent, buffer(hash), end, buffer(LAST_HASH), most]
            return (await runner.run(query, params)).map(row => entryOf(row, { topic, slot }))
          }
        })
    }
    return new CassandraWalk(
      periods.map(({ period }) => period),
      start,
      () => true
    )
  }

  /** Of everything that is accepted, hour by hour. */
  static async ofTime(
    { runner, directory, tables }: WalkParts,
    range: WalkRange,
    accepts: (entry: Entry) => boolean = () => true
  ): Promise<CassandraWalk> {
    const { start, from, upper } = startOf(range)
    const hours = await directory.hours(runner, hourOf(from), hourOf(upper))
    const query = `SELECT sent, hash, topic, slot, size, seq FROM ${tables.name('envelope_time')} WHERE hour = ? AND nibble = ? AND (sent, hash) > (?, ?) AND (sent, hash) <= (?, ?) LIMIT ?`
    const periods = hours.map(hour => {
      const end = Math.min(upper, hourStart(hour + 1) - 1)
      return Array.from({ length: NIBBLES }, (_, nibble) => ({
        read: async ({ sent, hash }: Position, most: number) => {
          const params = [hour, nibble, sent, buffer(hash), end, buffer(LAST_HASH), most]
          return (await runner.run(query, params)).map(row => entryOf(row))
        }
      }))
    })
    return new CassandraWalk(periods, start, accepts)
  }

  /** The next ones, at most so many, and no more once they have so many bytes; none when there are no more. */
  async next(rows: number, bytes: number, signal?: AbortSignal | undefined): Promise<Entry[]> {
    const taken: Entry[] = []
    let room = bytes
    while (taken.length < rows && room >= 0) {
      signal?.throwIfAborted()
      if (this.#open.length === 0 && !this.#openMore()) break
      await this.#readOn(rows - taken.length)
      while (taken.length < rows && room >= 0) {
        const stream = this.#first()
        if (stream === undefined) break
        const entry = stream.ahead.shift() as Entry
        if (!this.#accepts(entry)) continue
        taken.push(entry)
        room -= entry.size
      }
    }
    return taken
  }

  /** Fills what is empty, all at once; drops what has ended. */
  async #readOn(wanted: number): Promise<void> {
    const share = Math.ceil((2 * Math.min(wanted, MOST)) / this.#open.length)
    const most = Math.min(MOST, Math.max(FEWEST, share))
    await Promise.all(
      this.#open.map(async stream => {
        if (stream.ended || stream.ahead.length > 0) return
        const entries = await stream.read(stream.position, most)
        stream.ahead = entries
        stream.ended = entries.length < most
        const last = entries.at(-1)
        if (last !== undefined) stream.position = last
      })
    )
    this.#open = this.#open.filter(({ ended, ahead }) => !ended || ahead.length > 0)
  }

  /** The stream with the next entry; absent when one has to be read on first. */
  #first(): Stream | undefined {
    let first: Stream | undefined
    let live = false
    for (const stream of this.#open) {
      const [entry] = stream.ahead
      if (entry === undefined) {
        if (!stream.ended) return undefined
        continue
      }
      live = true
      if (first === undefined || comparePositions(entry, first.ahead[0] as Entry) < 0) first = stream
    }
    if (!live) this.#open = []
    return first
  }

  #openMore(): boolean {
    let periods = 0
    while (this.#periods.length > 0 && periods < this.#together) {
      const next = this.#periods[0] as Period
      if (this.#open.length > 0 && this.#open.length + next.length > WINDOW) break
      this.#periods.shift()
      for (const stream of next) this.#open.push({ ...stream, position: this.#start, ahead: [], ended: false })
      periods++
    }
    this.#together *= 2
    return periods > 0
  }
}

/** Where to begin: behind `start`, which is no earlier than `from`. */
function startOf({ lower, upper, after }: WalkRange): { start: Position; from: number; upper: number } {
  if (after !== undefined && after.sent >= lower) return { start: after, from: after.sent, upper }
  return { start: { sent: lower - 1, hash: LAST_HASH }, from: lower, upper }
}
