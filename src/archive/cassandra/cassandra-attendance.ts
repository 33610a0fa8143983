import { MAX_UINT32 } from '../../wire/bytes.js'
import { type Gap, GapKind } from '../../wire/request/coverage.js'
import { type Coverage, CoverageLog, type CoveredRange, type KnownCoverage } from '../coverage-log.js'
import { gapsWithin, withGap } from '../gap-list.js'
import { plain } from './cassandra-entry.js'
import type { CassandraHead } from './cassandra-head.js'
import type { CassandraSession } from './cassandra-session.js'
import { buffer, type CassandraTables } from './cassandra-tables.js'

/** A daemon notes once in a while that it is there, and its clock may be off: it is taken for there so much longer. Seconds. */
const SLACK = 180
const ALL = { lower: 0, upper: MAX_UINT32 }

interface Span {
  from: number
  until: number
}

/** What one daemon says of itself. */
interface Said extends Span {
  name: string
  gaps: Gap[]
}

export interface AttendanceParts {
  session: CassandraSession
  tables: CassandraTables
  head: CassandraHead
}

const attendanceOf = (tables: CassandraTables): string => tables.name('attendance')

/**
 * Who looked after the archive when. Each daemon keeps a record of its own; the archive lacks what was sent while none of them was
 * there and could store.
 */
export class CassandraAttendance implements Coverage {
  readonly #session: CassandraSession
  readonly #head: CassandraHead
  readonly #table: string
  readonly #name: string
  readonly #own: CoverageLog

  private constructor({ session, tables, head }: AttendanceParts, name: string, own: CoverageLog) {
    this.#session = session
    this.#head = head
    this.#table = attendanceOf(tables)
    this.#name = name
    this.#own = own
  }

  /** @param name - of this daemon: the same when it is started again, and no other's */
  static async open(
    parts: AttendanceParts,
    { name, now }: { name: string; now: number }
  ): Promise<CassandraAttendance> {
    const { session } = parts
    const table = attendanceOf(parts.tables)
    const query = `SELECT since, record FROM ${table} WHERE shard = 0 AND daemon = ?`
    const [row] = await session.run(query, [name])
    const saved = row?.record === undefined || row.record === null ? undefined : plain(row.record as Buffer)
    const since = row === undefined ? now : Number(row.since)
    // nobody else writes this row: the driver's own time orders what one daemon says
    const save = (bytes: Uint8Array) =>
      session.run(`INSERT INTO ${table} (shard, daemon, since, record) VALUES (0, ?, ?, ?)`, [
        name,
        since,
        buffer(bytes)
      ])
    const own = new CoverageLog(saved, since, async bytes => void (await save(bytes)))
    await own.admit(() => now)
    return new CassandraAttendance(parts, name, own)
  }

  /** Of this daemon. */
  get attended(): number | undefined {
    return this.#own.attended
  }

  attend(now: number): Promise<void> {
    return this.#own.attend(now)
  }

  addGap(gap: Gap): Promise<void> {
    return this.#own.addGap(gap)
  }

  knows(gap: Gap): boolean {
    return this.#own.knows(gap)
  }

  /** Notes what was met damaged, until it is mended. */
  meet(gap: Gap): void {
    this.#own.meet(gap)
  }

  forgetMet(): void {
    this.#own.forgetMet()
  }

  async describe({ lower, upper, meant }: CoveredRange): Promise<KnownCoverage> {
    const [{ since, floors }, gaps] = await Promise.all([this.#head.read(), this.gaps(lower, upper)])
    return { since, oldest: floors.highest(meant), gaps }
  }

  /** What the archive may lack of a range. */
  async gaps(lower: number, upper: number): Promise<Gap[]> {
    const rows = await this.#session.run(`SELECT daemon, since, record FROM ${this.#table} WHERE shard = 0`)
    const said = rows
      .filter(row => row.daemon !== this.#name)
      .map(row =>
        saidBy(String(row.daemon), new CoverageLog(plain(row.record as Buffer), 0, async () => {}), row.since)
      )
    const mine = rows.find(row => row.daemon === this.#name)
    const { gaps } = this.#own.describe(ALL)
    said.push(
      mine === undefined ? { name: this.#name, from: 0, until: 0, gaps } : saidBy(this.#name, this.#own, mine.since)
    )
    return gapsWithin(together(said), lower, upper)
  }
}

function saidBy(name: string, log: CoverageLog, since: unknown): Said {
  const { gaps } = log.describe(ALL)
  const { attended } = log
  // who never was there only keeps gaps for the others
  if (attended === undefined) return { name, from: 0, until: 0, gaps }
  return { name, from: Number(since), until: attended + SLACK, gaps }
}

/** What nobody covered. Exported for tests. */
export function together(said: readonly Said[]): Gap[] {
  let found: Gap[] = []
  for (const one of said) {
    const others = said.filter(({ name }) => name !== one.name).flatMap(presence)
    for (const gap of one.gaps) {
      if (gap.kind === GapKind.damaged || gap.kind === GapKind.unarchived) found = withGap(found, gap)
      else for (const piece of without(gap, others)) found = withGap(found, { ...gap, ...piece })
    }
  }
  for (const gap of betweenDaemons(said)) found = withGap(found, gap)
  return found
}

/** When nobody was there, and nobody who was there before came back to say so. */
function betweenDaemons(said: readonly Said[]): Gap[] {
  const spans = said.filter(({ until }) => until > 0).sort((a, b) => a.from - b.from)
  const gaps: Gap[] = []
  const [first, ...rest] = spans
  let until = first === undefined ? 0 : Math.max(first.from, first.until)
  for (const span of rest) {
    if (span.from > until) gaps.push({ from: until - SLACK, until: span.from, kind: GapKind.down, count: 0 })
    until = Math.max(until, span.until)
  }
  return gaps
}

/** When a daemon was there and could store. */
function presence({ from, until, gaps }: Said): Span[] {
  if (until === 0) return []
  const away = gaps.filter(({ kind }) => kind === GapKind.down || kind === GapKind.unstored)
  return without({ from, until }, away)
}

/** What is left of a span, both ends inclusive. */
function without(span: Span, taken: readonly Span[]): Span[] {
  let left: Span[] = [{ from: span.from, until: span.until }]
  for (const { from, until } of taken)
    left = left.flatMap(piece => {
      if (from > piece.until || until < piece.from) return [piece]
      return [
        { from: piece.from, until: from - 1 },
        { from: until + 1, until: piece.until }
      ].filter(rest => rest.from <= rest.until)
    })
  return left
}
