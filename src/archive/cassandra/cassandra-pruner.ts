import { MAX_UINT32 } from '../../wire/bytes.js'
import type { ArchiveTrimmed } from '../archive.js'
import { type CheckedTrim, cutOf } from '../checked-query.js'
import { type CassandraDirectory, hoursOf } from './cassandra-directory.js'
import { type Entry, hourOf } from './cassandra-entry.js'
import type { CassandraHead, Turn } from './cassandra-head.js'
import { CassandraLookup } from './cassandra-lookup.js'
import type { CassandraSession } from './cassandra-session.js'
import type { CassandraTables } from './cassandra-tables.js'
import { CassandraWalk } from './cassandra-walk.js'
import type { CassandraWriter } from './cassandra-writer.js'

/** Envelopes that are deleted in one turn. */
const STEP = 512

export interface PrunerParts {
  session: CassandraSession
  head: CassandraHead
  tables: CassandraTables
  directory: CassandraDirectory
  writer: CassandraWriter
  /** Runs a turn between appends of this daemon. */
  step<T>(task: () => Promise<T>): Promise<T>
  /** Told that envelopes sent before a time are or may be deleted. */
  onRemoved(before: number): void
}

/** Deletes old envelopes in small turns. Several daemons may do so at once: what one deleted the other does not find. */
export class CassandraPruner {
  readonly #parts: PrunerParts

  constructor(parts: PrunerParts) {
    this.#parts = parts
  }

  async trim(trim: CheckedTrim, signal?: AbortSignal | undefined): Promise<ArchiveTrimmed> {
    const { step, head, writer, onRemoved } = this.#parts
    signal?.throwIfAborted()
    if (trim.before === 0) return { removed: 0, reached: 0 }
    const bounded = trim.counted
    const reached = bounded ? await this.#cut(trim, signal) : trim.before
    await step(() =>
      writer.turn(async turn => {
        const floors = turn.state.floors.raised(reached, trim)
        if (floors !== turn.state.floors) await head.raiseFloors(turn, floors)
        return { result: undefined }
      })
    )
    const walk = await this.#walk({ ...trim, before: reached })
    let removed = 0
    const passed = new Set<number>()
    for (;;) {
      signal?.throwIfAborted()
      const found = await walk.next(STEP, Number.POSITIVE_INFINITY, signal)
      if (found.length === 0) break
      const count = await step(async () => {
        try {
          return await writer.turn(turn => this.#remove(turn, found))
        } finally {
          // also after a failure: nobody knows how much of it is gone
          onRemoved(reached)
        }
      })
      removed += count
      for (const hour of hoursOf(found)) passed.add(hour)
      await this.#forgetHours(passed, hourOf((found.at(-1) as Entry).sent))
    }
    await this.#forgetHours(passed, Number.POSITIVE_INFINITY)
    onRemoved(reached)
    return { removed, reached }
  }

  /** What is stored of these may have been deleted meanwhile, and stored again. */
  async #remove(turn: Turn, found: readonly Entry[]) {
    const { writer, tables } = this.#parts
    const lookup = new CassandraLookup(tables)
    const there = [...(await lookup.entries(turn, found)).values()]
    if (there.length === 0) return { result: 0 }
    return { totals: await writer.remove(turn, there), result: there.length }
  }

  /** The first second that stays. */
  async #cut(trim: CheckedTrim, signal: AbortSignal | undefined): Promise<number> {
    const walk = await this.#walk(trim)
    const left = { most: trim.most, envelopes: trim.envelopes, bytes: trim.bytes }
    let first = true
    let second: Entry[] = []
    const cut = (whole: Entry[]): number | undefined => {
      const end = cutOf(whole, left, first)
      const size = whole.reduce((sum, { size }) => sum + size, 0)
      left.most -= whole.length
      left.envelopes -= whole.length
      left.bytes -= size
      first = false
      return end
    }
    for (;;) {
      signal?.throwIfAborted()
      const found = await walk.next(STEP, Number.POSITIVE_INFINITY, signal)
      // whole seconds only: a second goes as a whole or not at all
      const all = [...second, ...found]
      const last = all.at(-1)?.sent
      const whole = found.length === 0 ? all : all.filter(({ sent }) => sent !== last)
      second = found.length === 0 ? [] : all.filter(({ sent }) => sent === last)
      if (whole.length > 0) {
        const end = cut(whole)
        if (end !== undefined) return end
      }
      if (found.length === 0) return trim.before
    }
  }

  #walk({ before, topics, except }: CheckedTrim): Promise<CassandraWalk> {
    const { session: runner, directory, tables } = this.#parts
    const parts = { runner, directory, tables }
    const range = { lower: 0, upper: Math.min(before - 1, MAX_UINT32) }
    if (topics !== undefined) return CassandraWalk.ofTopics(parts, range, topics)
    const spared = new Set(except)
    return CassandraWalk.ofTime(parts, range, ({ topic }) => !spared.has(topic))
  }

  /** Hours before this one that have nothing left need not be looked at again. */
  async #forgetHours(passed: Set<number>, before: number): Promise<void> {
    const { directory, session, step, writer } = this.#parts
    const over = [...passed].filter(hour => hour < before)
    for (const hour of over) passed.delete(hour)
    const empty: number[] = []
    for (const hour of over) if ((await directory.endOf(session, hour, 'oldest')) === undefined) empty.push(hour)
    if (empty.length === 0) return
    await step(() =>
      writer.turn(async turn => {
        // something may have come since it was looked at
        const still = await Promise.all(empty.map(hour => directory.endOf(turn, hour, 'oldest')))
        const hours = empty.filter((_, i) => still[i] === undefined)
        await directory.putHours(turn, hours, false, turn.stamp)
        return { result: undefined }
      })
    )
  }
}
