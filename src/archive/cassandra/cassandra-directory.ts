import { dayOf, type Entry, groupBy, hourOf, NIBBLES, SLOT, signed } from './cassandra-entry.js'
import type { Row, RunOptions } from './cassandra-session.js'
import type { CassandraTables } from './cassandra-tables.js'

/** What runs a statement: a session, or a turn that holds the head. */
export interface Runner {
  run(query: string, params: unknown[], options?: RunOptions): Promise<Row[]>
}

/** The same, and tells how many rows each statement brought. */
export function visiting(runner: Runner, onVisited: ((rows: number) => void) | undefined): Runner {
  if (onVisited === undefined) return runner
  return {
    async run(...statement) {
      const rows = await runner.run(...statement)
      onVisited(rows.length)
      return rows
    }
  }
}

/** A day on which a topic has something, or had. */
export interface TopicDay {
  topic: number
  day: number
  /** How many were ever put there since it was last empty; says how many partitions there are. */
  placed: number
  /** How many are there. */
  n: number
}

export const slotsOf = ({ placed }: Pick<TopicDay, 'placed'>): number => Math.max(1, Math.ceil(placed / SLOT))

/** The topics of the archive lie in so many partitions. */
const TOPIC_SHARDS = 16

/** What tells where something is: the days of a topic, the topics, the hours. */
export class CassandraDirectory {
  readonly #tables: CassandraTables

  constructor(tables: CassandraTables) {
    this.#tables = tables
  }

  async daysOf(runner: Runner, topic: number, first: number, last: number): Promise<TopicDay[]> {
    const query = `SELECT day, placed, n FROM ${this.#tables.name('topic_day')} WHERE topic = ? AND day >= ? AND day <= ?`
    const rows = await runner.run(query, [signed(topic), first, last])
    return rows.map(row => ({ topic, day: row.day as number, placed: Number(row.placed), n: Number(row.n) }))
  }

  /** Every day that a topic has anything on. */
  allDaysOf(runner: Runner, topic: number): Promise<TopicDay[]> {
    return this.daysOf(runner, topic, 0, dayOf(0xffff_ffff))
  }

  putDay(runner: Runner, { topic, day, placed, n }: TopicDay, stamp: number): Promise<unknown> {
    const [table, key] = [this.#tables.name('topic_day'), [signed(topic), day]]
    return n > 0
      ? runner.run(`INSERT INTO ${table} (topic, day, placed, n) VALUES (?, ?, ?, ?) USING TIMESTAMP ?`, [
          ...key,
          placed,
          n,
          stamp
        ])
      : runner.run(`DELETE FROM ${table} USING TIMESTAMP ? WHERE topic = ? AND day = ?`, [stamp, ...key])
  }

  async topics(runner: Runner): Promise<number[]> {
    const query = `SELECT topic FROM ${this.#tables.name('topic')} WHERE shard = ?`
    const shards = await Promise.all(Array.from({ length: TOPIC_SHARDS }, (_, shard) => runner.run(query, [shard])))
    return shards.flat().map(row => (row.topic as number) >>> 0)
  }

  putTopic(runner: Runner, topic: number, there: boolean, stamp: number): Promise<unknown> {
    const table = this.#tables.name('topic')
    const key = [topic % TOPIC_SHARDS, signed(topic)]
    return there
      ? runner.run(`INSERT INTO ${table} (shard, topic) VALUES (?, ?) USING TIMESTAMP ?`, [...key, stamp])
      : runner.run(`DELETE FROM ${table} USING TIMESTAMP ? WHERE shard = ? AND topic = ?`, [stamp, ...key])
  }

  /** Hours in which there may be something, ascending. */
  async hours(runner: Runner, first: number, last: number): Promise<number[]> {
    const query = `SELECT hour FROM ${this.#tables.name('hour')} WHERE shard = 0 AND hour >= ? AND hour <= ?`
    const rows = await runner.run(query, [first, last])
    return rows.map(row => row.hour as number)
  }

  putHours(runner: Runner, hours: Iterable<number>, there: boolean, stamp: number): Promise<unknown> {
    const table = this.#tables.name('hour')
    const query = there
      ? `INSERT INTO ${table} (hour, shard) VALUES (?, 0) USING TIMESTAMP ?`
      : `DELETE FROM ${table} USING TIMESTAMP ? WHERE shard = 0 AND hour = ?`
    return Promise.all([...hours].map(hour => runner.run(query, there ? [hour, stamp] : [stamp, hour])))
  }

  /** When the oldest or newest envelope of an hour was sent; absent when it has none. */
  async endOf(runner: Runner, hour: number, end: 'oldest' | 'newest'): Promise<number | undefined> {
    const order = end === 'oldest' ? 'ASC' : 'DESC'
    const query = `SELECT sent FROM ${this.#tables.name('envelope_time')} WHERE hour = ? AND nibble = ? ORDER BY sent ${order}, hash ${order} LIMIT 1`
    const found = await Promise.all(Array.from({ length: NIBBLES }, (_, nibble) => runner.run(query, [hour, nibble])))
    const times = found.flat().map(row => Number(row.sent))
    if (times.length === 0) return undefined
    return end === 'oldest' ? Math.min(...times) : Math.max(...times)
  }

  /** Of an hour or a whole archive. */
  async endOfAll(runner: Runner, end: 'oldest' | 'newest'): Promise<number | undefined> {
    const order = end === 'oldest' ? 'ASC' : 'DESC'
    const query = `SELECT hour FROM ${this.#tables.name('hour')} WHERE shard = 0 ORDER BY hour ${order}`
    for (const row of await runner.run(query, [])) {
      const time = await this.endOf(runner, row.hour as number, end)
      if (time !== undefined) return time
    }
    return undefined
  }

  /** How many a topic has on a day, counted. */
  async count(runner: Runner, topic: number, day: number, slots: number): Promise<number> {
    const query = `SELECT COUNT(*) AS n FROM ${this.#tables.name('envelope')} WHERE topic = ? AND day = ? AND slot = ?`
    const counts = await Promise.all(
      Array.from({ length: slots }, (_, slot) => runner.run(query, [signed(topic), day, slot]))
    )
    return counts.flat().reduce((sum, row) => sum + Number(row.n), 0)
  }
}

/** The topics and days of entries. */
export function topicDays(entries: Iterable<Entry>): Map<string, Entry[]> {
  return groupBy(entries, ({ topic, sent }) => `${topic} ${dayOf(sent)}`)
}

export const hoursOf = (entries: readonly Entry[]): Set<number> => new Set(entries.map(({ sent }) => hourOf(sent)))
