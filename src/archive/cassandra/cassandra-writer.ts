import type { Envelope } from '../../wire/envelope/envelope.js'
import type { AppendOutcome } from '../archive.js'
import { type CassandraDirectory, hoursOf, slotsOf, type TopicDay, topicDays } from './cassandra-directory.js'
import { dayOf, decodeEntries, type Entry, encodeEntries, plain, SLOT } from './cassandra-entry.js'
import type { CassandraHead, Totals, Turn } from './cassandra-head.js'
import type { CassandraLookup } from './cassandra-lookup.js'
import type { Statement } from './cassandra-session.js'
import type { CassandraTables } from './cassandra-tables.js'

export interface WriterParts {
  head: CassandraHead
  tables: CassandraTables
  directory: CassandraDirectory
  lookup: CassandraLookup
}

/** What a change is about: the first byte of an intent. */
const APPENDS = 1
const REMOVES = 2

/** Envelopes that are stored in one turn, and about how many bytes. */
export const TURN = 512
const TURN_BYTES = 2 * 1024 * 1024

/** A failed change is put right at once if that takes no longer, ms; else the next one does it. */
const QUICKLY = 1500

/**
 * Changes the archive, one turn after another, whichever daemon's they are. A turn writes first what it is about to change, then that,
 * then ends under a condition; one that was broken off is undone by the next turn (an append, which nobody was told of) or carried
 * out (a deletion).
 */
export class CassandraWriter {
  readonly #parts: WriterParts
  /** What the last turn of this daemon was about, to be forgotten. */
  #finished: number | undefined

  constructor(parts: WriterParts) {
    this.#parts = parts
  }

  /** Does something in a turn, and ends it with the totals that are returned. */
  async turn<T>(work: (turn: Turn) => Promise<{ totals?: Partial<Totals>; result: T }>): Promise<T> {
    const { head } = this.#parts
    const turn = await this.#begin()
    try {
      const { totals, result } = await work(turn)
      await head.commit(turn, totals)
      this.#finished = turn.stamp
      return result
    } catch (error) {
      await this.#settle()
      throw error
    }
  }

  /** Many go in several turns, so that none lasts long. */
  async append(envelopes: readonly Envelope[]): Promise<AppendOutcome[]> {
    const outcomes: AppendOutcome[] = []
    for (let from = 0, until = 0; from < envelopes.length; from = until) {
      for (let bytes = 0; until < envelopes.length && until - from < TURN; until++) {
        bytes += (envelopes[until] as Envelope).size
        if (until > from && bytes > TURN_BYTES) break
      }
      outcomes.push(...(await this.#append(envelopes.slice(from, until))))
    }
    return outcomes
  }

  async #append(envelopes: readonly Envelope[]): Promise<AppendOutcome[]> {
    return await this.turn(async turn => {
      const { lookup } = this.#parts
      const known = new Set((await lookup.entries(turn, envelopes)).keys())
      const outcomes = envelopes.map(({ hashHex }): AppendOutcome => {
        if (known.has(hashHex)) return 'known'
        known.add(hashHex)
        return 'stored'
      })
      const fresh = envelopes.filter((_, i) => outcomes[i] === 'stored')
      if (fresh.length === 0) return { result: outcomes }
      return { totals: await this.#store(turn, fresh), result: outcomes }
    })
  }

  /** Deletes what is stored of these, in a turn. */
  async remove(turn: Turn, entries: readonly Entry[]): Promise<Partial<Totals>> {
    await this.#intend(turn, REMOVES, entries)
    await this.#run(turn, this.#parts.tables.deletes(entries, turn.stamp))
    const gone = await this.#countDown(turn, entries)
    return minus(turn, entries, gone)
  }

  async #store(turn: Turn, envelopes: readonly Envelope[]): Promise<Partial<Totals>> {
    const { tables, directory } = this.#parts
    const { state, stamp } = turn
    const days = new Map<string, TopicDay>()
    const newTopics: number[] = []
    await Promise.all(
      [...new Set(envelopes.map(({ topicNumber }) => topicNumber))].map(async topic => {
        const found = await directory.allDaysOf(turn, topic)
        if (found.length === 0) newTopics.push(topic)
        for (const day of found) days.set(`${topic} ${day.day}`, day)
      })
    )
    let seq = state.lastSeq
    const touched = new Set<TopicDay>()
    const entries = envelopes.map(({ sent, hash, topicNumber: topic, size, raw }) => {
      const name = `${topic} ${dayOf(sent)}`
      const day = days.get(name) ?? { topic, day: dayOf(sent), placed: 0, n: 0 }
      days.set(name, day)
      touched.add(day)
      const slot = Math.floor(day.placed / SLOT)
      day.placed++
      day.n++
      seq++
      return { sent, hash, topic, slot, size, seq, raw }
    })
    await this.#intend(turn, APPENDS, entries)
    await Promise.all([
      this.#run(turn, tables.inserts(entries, stamp)),
      ...[...touched].map(day => directory.putDay(turn, day, stamp)),
      ...newTopics.map(topic => directory.putTopic(turn, topic, true, stamp)),
      directory.putHours(turn, hoursOf(entries), true, stamp)
    ])
    return {
      lastSeq: seq,
      envelopes: state.envelopes + entries.length,
      bytes: state.bytes + entries.reduce((sum, { size }) => sum + size, 0),
      ...(newTopics.length > 0 && { topics: state.topics + newTopics.length, topicsStamp: stamp })
    }
  }

  /** Lowers the counts of days; resolves with the topics that have nothing left. */
  async #countDown(turn: Turn, entries: readonly Entry[]): Promise<number[]> {
    const { directory } = this.#parts
    const byTopic = new Map<number, Entry[]>()
    for (const entry of entries) byTopic.set(entry.topic, [...(byTopic.get(entry.topic) ?? []), entry])
    const gone: number[] = []
    await Promise.all(
      [...byTopic].map(async ([topic, removed]) => {
        const days = await directory.allDaysOf(turn, topic)
        for (const { sent } of removed) {
          const day = days.find(({ day }) => day === dayOf(sent))
          if (day !== undefined) day.n--
        }
        const touched = new Set(removed.map(({ sent }) => dayOf(sent)))
        if (days.every(({ n }) => n <= 0)) gone.push(topic)
        await Promise.all(
          days.filter(({ day }) => touched.has(day)).map(day => directory.putDay(turn, day, turn.stamp))
        )
      })
    )
    await Promise.all(gone.map(topic => directory.putTopic(turn, topic, false, turn.stamp)))
    return gone
  }

  async #intend(turn: Turn, kind: number, entries: readonly Entry[]): Promise<void> {
    const { tables } = this.#parts
    const bytes = Buffer.concat([Uint8Array.of(kind), encodeEntries(entries)])
    const query = `INSERT INTO ${tables.name('intent')} (shard, stamp, change) VALUES (0, ?, ?) USING TIMESTAMP ?`
    const finished = this.#finished
    this.#finished = undefined
    await Promise.all([
      turn.run(query, [turn.stamp, bytes, turn.stamp]),
      ...(finished === undefined ? [] : [turn.run(this.#forget, [turn.stamp, finished])])
    ])
  }

  get #forget(): string {
    return `DELETE FROM ${this.#parts.tables.name('intent')} USING TIMESTAMP ? WHERE shard = 0 AND stamp = ?`
  }

  async #run(turn: Turn, batches: readonly Statement[][]): Promise<void> {
    await Promise.all(batches.map(batch => turn.batch(batch)))
  }

  /** A turn, after what was left unfinished before it is put right. */
  async #begin(patience?: number): Promise<Turn> {
    const { head } = this.#parts
    const turn = await head.acquire(patience)
    if (!turn.unfinished) return turn
    const totals = await this.#mend(turn)
    await head.commit(turn, totals)
    return await this.#begin(patience)
  }

  async #settle(): Promise<void> {
    try {
      const { head } = this.#parts
      const turn = await head.acquire(QUICKLY)
      await head.commit(turn, turn.unfinished ? await this.#mend(turn) : {})
    } catch {
      // the next turn does it, whoever's it is
    }
  }

  async #mend(turn: Turn): Promise<Partial<Totals>> {
    const { tables } = this.#parts
    const query = `SELECT stamp, change FROM ${tables.name('intent')} WHERE shard = 0 AND stamp > ?`
    const rows = await turn.run(query, [turn.state.done])
    let totals: Partial<Totals> = {}
    for (const row of rows) {
      if (row.change === null || Number(row.stamp) >= turn.stamp) continue
      const bytes = plain(row.change as Buffer)
      const entries = decodeEntries(bytes.subarray(1))
      await this.#run(turn, tables.deletes(entries, turn.mendStamp))
      const gone = await this.#recount(turn, entries)
      if (bytes[0] === REMOVES) totals = minus(turn, entries, gone, totals)
      totals = { ...totals, topicsStamp: turn.stamp }
      await turn.run(this.#forget, [turn.mendStamp, Number(row.stamp)])
    }
    return totals
  }

  /** Makes the counts of what entries touched anew; resolves with the topics that have nothing left. */
  async #recount(turn: Turn, entries: readonly Entry[]): Promise<number[]> {
    const { directory } = this.#parts
    const gone: number[] = []
    for (const topic of new Set(entries.map(entry => entry.topic))) {
      const own = entries.filter(entry => entry.topic === topic)
      const days = await directory.allDaysOf(turn, topic)
      await Promise.all(
        [...topicDays(own).values()].map(async group => {
          const day = dayOf((group[0] as Entry).sent)
          const found = days.find(other => other.day === day)
          const slots = Math.max(slotsOf(found ?? { placed: 0 }), ...group.map(({ slot }) => slot + 1))
          const n = await directory.count(turn, topic, day, slots)
          const placed = Math.max(found?.placed ?? 0, (slots - 1) * SLOT + n)
          if (found === undefined) days.push({ topic, day, placed, n })
          else found.n = n
          await directory.putDay(turn, { topic, day, placed, n }, turn.mendStamp)
        })
      )
      const empty = days.every(({ n }) => n <= 0)
      await directory.putTopic(turn, topic, !empty, turn.mendStamp)
      if (empty) gone.push(topic)
    }
    return gone
  }
}

function minus(
  { state, stamp }: Turn,
  entries: readonly Entry[],
  gone: readonly number[],
  so: Partial<Totals> = {}
): Partial<Totals> {
  const { envelopes, bytes, topics } = { ...state, ...so }
  return {
    envelopes: envelopes - entries.length,
    bytes: bytes - entries.reduce((sum, { size }) => sum + size, 0),
    topics: topics - gone.length,
    ...(gone.length > 0 && { topicsStamp: stamp })
  }
}
