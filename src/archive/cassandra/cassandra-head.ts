import { delay } from '../../base/delay.js'
import { joinBytes, readUint32, toHex, writeUint32 } from '../../wire/bytes.js'
import { randomBytes } from '../../wire/random.js'
import { ArchiveBusyError, ArchiveError, ArchiveFormatError } from '../errors.js'
import { decodeOwnFloors, encodeOwnFloors, TopicFloors } from '../topic-floors.js'
import { FORMAT } from './cassandra-schema.js'
import type { CassandraSession, Row, RunOptions, Statement } from './cassandra-session.js'
import { isUncertain } from './cassandra-trouble.js'

/** What the archive is as a whole, as of the last finished change. */
export interface HeadState {
  id: Uint8Array
  since: number
  /** Of the newest change that was begun. */
  stamp: number
  /** Who is about a change; empty when nobody is. */
  holder: string
  /** Of the newest change that was finished. */
  done: number
  lastSeq: number
  envelopes: number
  bytes: number
  /** Distinct topics stored. */
  topics: number
  /** Of the newest change that brought a topic, or took one away. */
  topicsStamp: number
  floors: TopicFloors
}

export type Totals = Pick<HeadState, 'lastSeq' | 'envelopes' | 'bytes' | 'topics' | 'topicsStamp'>

/** Who holds the head does what has to be done within so long, ms; what fails after that was not confirmed. */
const HOLD = 4500
/** Who holds it longer is taken for dead, ms: its last writes have failed by then. */
const ABANDONED = 7000
/** How long to wait for it, ms. */
const PATIENCE = 9000
/** Between two looks at a head that another daemon holds, ms. */
const PAUSE = 8

const COLUMNS = 'id, format, since, stamp, holder, done, last_seq, envelopes, bytes, topics, topics_stamp, floors'

/** The head while this daemon holds it: nobody else changes the archive. */
export class Turn {
  readonly state: HeadState
  /** Of everything that is written in this turn. Later turns have higher ones, whatever the clocks say. */
  readonly stamp: number
  /** Of what mends an earlier turn: what this turn writes itself prevails. */
  readonly mendStamp: number
  /** Whether a turn before this one was begun and not finished. */
  readonly unfinished: boolean
  readonly #session: CassandraSession
  readonly #until = performance.now() + HOLD

  constructor(session: CassandraSession, state: HeadState, stamp: number) {
    this.#session = session
    this.state = state
    this.stamp = stamp
    this.mendStamp = stamp - 1
    this.unfinished = state.holder !== ''
  }

  run(query: string, params: unknown[], options: RunOptions = {}): Promise<Row[]> {
    return this.#session.run(query, params, { ...options, until: this.#until })
  }

  batch(statements: readonly Statement[]): Promise<void> {
    return this.#session.batch(statements, { until: this.#until })
  }
}

/** The one row that daemons change in turns, under a condition each time. */
export class CassandraHead {
  readonly #session: CassandraSession
  readonly #table: string
  readonly #me = toHex(randomBytes(8))
  readonly #now: () => number
  readonly #stopped: AbortSignal

  /** @param now - the clock, Unix seconds and their fractions: stamps are near it where nothing else is later */
  constructor(
    session: CassandraSession,
    { keyspace, now, stopped }: { keyspace: string; now: () => number; stopped: AbortSignal }
  ) {
    this.#session = session
    this.#now = now
    this.#table = `${keyspace}.waku_archive`
    this.#stopped = stopped
  }

  /** Makes it when there is none; of several daemons that do so at once one wins. */
  async begin(): Promise<HeadState> {
    const found = await this.#read(true)
    if (found !== undefined) return found
    const floors = encodeFloors(new TopicFloors(0))
    const values = [randomBytes(8), FORMAT, Math.floor(this.#now()), 0, '', 0, 0, 0, 0, 0, 0, floors]
    await this.#session
      .run(
        `INSERT INTO ${this.#table} (key, ${COLUMNS}) VALUES ('archive', ${values.map(() => '?').join(', ')}) IF NOT EXISTS`,
        values.map(value => (value instanceof Uint8Array ? Buffer.from(value) : value)),
        { conditional: true }
      )
      .catch(ignoreUncertain)
    return await this.read(true)
  }

  /** As of the last finished change; with `serial`, also of one whose daemon does not know yet. */
  async read(serial = false): Promise<HeadState> {
    const state = await this.#read(serial)
    if (state === undefined)
      throw new ArchiveFormatError('the row of the archive is gone from the keyspace: was its table emptied?')
    return state
  }

  /** Waits for its turn. @throws ArchiveBusyError, ArchiveError */
  async acquire(patience: number = PATIENCE): Promise<Turn> {
    const until = performance.now() + patience
    let seen: { stamp: number; at: number } | undefined
    let mine: { stamp: number; before: HeadState } | undefined
    for (let looks = 1; ; looks++) {
      const state = await this.#readSerial(until)
      if (mine !== undefined && state.holder === this.#me && state.stamp === mine.stamp)
        return new Turn(this.#session, mine.before, mine.stamp)
      if (state.holder !== '' && state.holder !== this.#me) {
        const now = performance.now()
        if (seen?.stamp !== state.stamp) seen = { stamp: state.stamp, at: now }
        if (now - seen.at < ABANDONED) {
          if (now > until) throw new ArchiveBusyError('other daemons kept this one from changing the archive')
          await delay(Math.random() * PAUSE * Math.min(looks, 8), { signal: this.#stopped })
          continue
        }
      }
      const stamp = Math.max(state.stamp + 2, Math.floor(this.#now() * 1_000_000))
      mine = { stamp, before: state }
      const applied = await this.#change(
        'stamp = ?, holder = ?',
        [stamp, this.#me],
        'stamp = ? AND holder = ?',
        [state.stamp, state.holder],
        until
      ).catch(ignoreUncertain)
      if (applied === true) return new Turn(this.#session, state, stamp)
      if (performance.now() > until)
        throw new ArchiveError('no quorum of Cassandra answered in time: nothing was changed')
    }
  }

  /** Ends a turn with what it changed. Of a turn that another daemon took over nothing is confirmed. @throws ArchiveError */
  async commit({ stamp, state }: Turn, totals: Partial<Totals> = {}): Promise<void> {
    const { lastSeq, envelopes, bytes, topics, topicsStamp } = { ...state, ...totals }
    const until = performance.now() + PATIENCE / 2
    for (;;) {
      const applied = await this.#change(
        "holder = '', done = ?, last_seq = ?, envelopes = ?, bytes = ?, topics = ?, topics_stamp = ?",
        [stamp, lastSeq, envelopes, bytes, topics, topicsStamp],
        'stamp = ? AND holder = ?',
        [stamp, this.#me],
        until
      ).catch(ignoreUncertain)
      if (applied === true) return
      const now = await this.#readSerial(until)
      // an answer that was lost on its way
      if (now.done >= stamp && now.stamp === stamp && now.holder === '') return
      if (now.stamp !== stamp || now.holder !== this.#me)
        throw new ArchiveError('another daemon took over: this one was too slow, and nothing was confirmed')
    }
  }

  /** On disk when it resolves, before anything is deleted. */
  async raiseFloors({ stamp }: Turn, floors: TopicFloors): Promise<void> {
    const bytes = Buffer.from(encodeFloors(floors))
    const until = performance.now() + PATIENCE / 2
    const done = await this.#change('floors = ?', [bytes], 'stamp = ? AND holder = ?', [stamp, this.#me], until)
    if (!done) throw new ArchiveError('another daemon took over: this one was too slow, and nothing was deleted')
  }

  async #change(
    set: string,
    values: unknown[],
    condition: string,
    expected: unknown[],
    until: number
  ): Promise<boolean> {
    const [row] = await this.#session.run(
      `UPDATE ${this.#table} SET ${set} WHERE key = 'archive' IF ${condition}`,
      [...values, ...expected],
      { conditional: true, until }
    )
    return row?.['[applied]'] === true
  }

  async #readSerial(until: number): Promise<HeadState> {
    const state = await this.#read(true, until)
    if (state === undefined)
      throw new ArchiveFormatError('the row of the archive is gone from the keyspace: was its table emptied?')
    return state
  }

  async #read(serial: boolean, until?: number): Promise<HeadState | undefined> {
    const query = `SELECT ${COLUMNS} FROM ${this.#table} WHERE key = 'archive'`
    const [row] = await this.#session.run(query, [], { serial, until })
    return row && stateOf(row)
  }
}

function ignoreUncertain(error: unknown): undefined {
  if (!isUncertain(error)) throw error
  return undefined
}

function stateOf(row: Row): HeadState {
  const number = (name: string): number => Number(row[name])
  return {
    id: Uint8Array.from(row.id),
    since: number('since'),
    stamp: number('stamp'),
    holder: String(row.holder),
    done: number('done'),
    lastSeq: number('last_seq'),
    envelopes: number('envelopes'),
    bytes: number('bytes'),
    topics: number('topics'),
    topicsStamp: number('topics_stamp'),
    floors: decodeFloors(Uint8Array.from(row.floors))
  }
}

/** general(4), then topic(4) floor(4) for each that differs; big-endian. */
function encodeFloors({ general, own }: TopicFloors): Uint8Array {
  return joinBytes([writeUint32(general), ...encodeOwnFloors(own)])
}

function decodeFloors(bytes: Uint8Array): TopicFloors {
  return new TopicFloors(readUint32(bytes), decodeOwnFloors(bytes.subarray(4), (bytes.length - 4) / 8))
}
