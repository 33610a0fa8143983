import { MAX_UINT32, toHex } from '../../wire/bytes.js'
import { GapKind } from '../../wire/request/coverage.js'
import type { ArchiveReport } from '../archive.js'
import { emptyReport } from '../empty-report.js'
import { withGap } from '../gap-list.js'
import type { CassandraAttendance } from './cassandra-attendance.js'
import type { CassandraDirectory } from './cassandra-directory.js'
import { bucketOf, dayOf, type Entry, entryOf, groupBy } from './cassandra-entry.js'
import type { CassandraHead } from './cassandra-head.js'
import type { CassandraLookup } from './cassandra-lookup.js'
import { isSound } from './cassandra-rows.js'
import type { CassandraSession } from './cassandra-session.js'
import type { CassandraTables } from './cassandra-tables.js'
import { CassandraWalk } from './cassandra-walk.js'
import type { CassandraWriter } from './cassandra-writer.js'

export interface UpkeepParts {
  session: CassandraSession
  head: CassandraHead
  tables: CassandraTables
  directory: CassandraDirectory
  lookup: CassandraLookup
  writer: CassandraWriter
  attendance: CassandraAttendance
  /** Runs a turn between appends of this daemon. */
  step<T>(task: () => Promise<T>): Promise<T>
}

/** Entries that are looked at together. */
const STEP = 256
const ALL = { lower: 0, upper: MAX_UINT32 }

interface Findings {
  report: ArchiveReport
  /** What cannot be delivered. */
  spoiled: Entry[]
  /** Whose row in the order of ingest is missing or wrong. */
  unnumbered: Entry[]
  /** By topic and day. */
  counts: Map<string, number>
  bytes: number
}

/** Looks at everything, and mends what is wrong. */
export class CassandraUpkeep {
  readonly #parts: UpkeepParts

  constructor(parts: UpkeepParts) {
    this.#parts = parts
  }

  async verify(signal?: AbortSignal | undefined): Promise<ArchiveReport> {
    return (await this.#look(signal)).report
  }

  async repair(signal?: AbortSignal | undefined): Promise<ArchiveReport> {
    const { writer, step, tables, attendance, directory, head } = this.#parts
    const { report, spoiled, unnumbered, counts, bytes } = await this.#look(signal)
    for (const part of parted(spoiled))
      await step(() => writer.turn(async turn => ({ totals: await writer.remove(turn, part), result: undefined })))
    for (const part of parted(unnumbered))
      await step(() =>
        writer.turn(async turn => {
          await Promise.all(tables.numbers(part, turn.stamp).map(batch => turn.batch(batch)))
          return { result: undefined }
        })
      )
    for (const gap of report.gaps) if (!attendance.knows(gap)) await attendance.addGap(gap)
    if (report.countsWrong || report.index > 0) {
      for (const entry of spoiled) {
        const name = nameOf(entry)
        counts.set(name, (counts.get(name) ?? 0) - 1)
      }
      const lost = spoiled.reduce((sum, { size }) => sum + size, 0)
      const started = await head.read()
      await step(() =>
        writer.turn(async turn => {
          // somebody stored or deleted meanwhile: what was counted is not what is there
          if (turn.state.done !== started.done) return { result: undefined }
          const topics = new Set<number>()
          let envelopes = 0
          for (const [name, n] of counts) {
            const [topic, day] = name.split(' ').map(Number) as [number, number]
            const found = (await directory.daysOf(turn, topic, day, day))[0]
            const placed = Math.max(found?.placed ?? 0, n)
            if (found?.n !== n) await directory.putDay(turn, { topic, day, placed, n }, turn.stamp)
            if (n > 0) topics.add(topic)
            envelopes += n
          }
          await Promise.all([...topics].map(topic => directory.putTopic(turn, topic, true, turn.stamp)))
          const totals = { envelopes, bytes: bytes - lost, topics: topics.size, topicsStamp: turn.stamp }
          return { totals, result: undefined }
        })
      )
    }
    return report
  }

  async #look(signal: AbortSignal | undefined): Promise<Findings> {
    const { session, head, directory, tables } = this.#parts
    const before = await head.read()
    const found: Findings = { report: emptyReport(), spoiled: [], unnumbered: [], counts: new Map(), bytes: 0 }
    const walk = await CassandraWalk.ofTime({ runner: session, directory, tables }, ALL)
    for (;;) {
      signal?.throwIfAborted()
      const entries = await walk.next(STEP, 4 * 1024 * 1024, signal)
      if (entries.length === 0) break
      await this.#inspect(entries, found)
    }
    const { report, counts } = found
    const topics = new Set<number>()
    let envelopes = 0
    for (const [name, n] of counts) {
      topics.add(Number(name.split(' ')[0]))
      envelopes += n
    }
    for (const topic of topics) {
      signal?.throwIfAborted()
      const days = await directory.allDaysOf(session, topic)
      for (const { day, n } of days) if ((counts.get(`${topic} ${day}`) ?? 0) !== n) report.index++
      for (const name of counts.keys()) {
        const [of, day] = name.split(' ').map(Number)
        if (of === topic && !days.some(other => other.day === day)) report.index++
      }
    }
    const after = await head.read()
    if (before.done === after.done && after.holder === '') {
      report.countsWrong = after.envelopes !== envelopes || after.bytes !== found.bytes || after.topics !== topics.size
    } else report.index = found.unnumbered.length
    return found
  }

  async #inspect(entries: readonly Entry[], found: Findings): Promise<void> {
    const { lookup, session } = this.#parts
    const { report } = found
    const [raws, numbered] = await Promise.all([lookup.raws(session, entries), this.#numbered(entries)])
    const absent = entries.filter(({ hash }) => !raws.has(toHex(hash)))
    // deleted since they were found, or lost
    const still = absent.length === 0 ? new Map() : await lookup.entries(session, absent)
    for (const entry of entries) {
      const name = toHex(entry.hash)
      const raw = raws.get(name)
      if (raw === undefined && !still.has(name)) continue
      found.counts.set(nameOf(entry), (found.counts.get(nameOf(entry)) ?? 0) + 1)
      found.bytes += entry.size
      if (raw !== undefined && isSound(entry.hash, raw)) {
        report.envelopes++
        if (numbered.has(entry.seq)) continue
        report.index++
        found.unnumbered.push(entry)
        continue
      }
      if (raw === undefined) report.missing++
      else report.damaged++
      found.spoiled.push(entry)
      const { sent } = entry
      report.gaps = withGap(report.gaps, { from: sent, until: sent, kind: GapKind.damaged, count: 1 })
    }
  }

  /** Those numbers under which the order of ingest has these. */
  async #numbered(entries: readonly Entry[]): Promise<Set<number>> {
    const { session, tables } = this.#parts
    const query = `SELECT seq, sent, hash, topic, slot, size FROM ${tables.name('envelope_seq')} WHERE bucket = ? AND seq IN ?`
    const hashes = new Map(entries.map(({ seq, hash }) => [seq, toHex(hash)]))
    const rows = await Promise.all(
      [...groupBy(entries, ({ seq }) => String(bucketOf(seq))).values()].map(group =>
        session.run(query, [bucketOf((group[0] as Entry).seq), group.map(({ seq }) => seq)])
      )
    )
    return new Set(
      rows
        .flat()
        .map(row => entryOf(row))
        .filter(({ seq, hash }) => hashes.get(seq) === toHex(hash))
        .map(({ seq }) => seq)
    )
  }
}

const nameOf = ({ topic, sent }: Entry): string => `${topic} ${dayOf(sent)}`

function parted<T>(items: readonly T[]): T[][] {
  return Array.from({ length: Math.ceil(items.length / STEP) }, (_, i) => items.slice(i * STEP, (i + 1) * STEP))
}
