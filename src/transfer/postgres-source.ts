import pg, { type ClientConfig } from 'pg'
import { delay } from '../base/delay.js'
import { fromHex, MAX_UINT32, readUint32, toHex, writeUint32 } from '../wire/bytes.js'
import { MAX_PACKET } from '../wire/packet/messages.js'
import { SourceError } from './errors.js'
import {
  BATCH_BYTES,
  BATCH_ENVELOPES,
  type ImportBatch,
  type ImportSource,
  type SourceEnd,
  type SourceRange
} from './import-source.js'

/** `BE32(sent) ‖ hash`, of the id; the topic is behind it. */
const POSITION = 36
const ID = 40
/** A connection that breaks is made again so often, with twice the pause each time, ms. */
const MAX_ATTEMPTS = 5
const FIRST_PAUSE = 500
const CONNECT_MS = 10_000
const QUERY_MS = 60_000

/** A page ends before 1 MiB, with one row at least; of what is too large the id comes alone. */
const PAGE = `
  select id, case when size <= ${MAX_PACKET} then data end as data from (
    select id, data, octet_length(data) as size, sum(least(octet_length(data), ${MAX_PACKET})) over (order by id) as total
    from (select id, data from envelopes where id > $1 and id <= $2 order by id limit ${BATCH_ENVELOPES}) as page
  ) as sized where total - least(size, ${MAX_PACKET}) < ${BATCH_BYTES} order by id`

interface Row {
  id: Buffer
  data: Buffer | null
}

/** The table `envelopes` of a status-go mailserver that keeps its archive in PostgreSQL. It may run meanwhile; nothing is written. */
export class PostgresSource implements ImportSource {
  readonly what = "status-go's mailserver (PostgreSQL)"
  readonly id: string
  #ends: SourceRange = { lower: 0, upper: MAX_UINT32 }

  private constructor(
    private readonly config: ClientConfig,
    private readonly name: string,
    private client: pg.Client
  ) {
    this.id = `postgres ${name}`
  }

  /** @throws SourceError, which never names the password */
  static async open(url: string): Promise<PostgresSource> {
    const config: ClientConfig = {
      connectionString: url,
      application_name: 'waku-mailserver import',
      connectionTimeoutMillis: CONNECT_MS,
      query_timeout: QUERY_MS,
      options: '-c default_transaction_read_only=on'
    }
    const name = nameOf(url)
    const source = new PostgresSource(config, name, await connect(config, name))
    try {
      await source.#look()
      return source
    } catch (err) {
      await source.close()
      throw explained(err, name)
    }
  }

  async *batches(
    options: SourceRange & { after?: string | undefined; signal: AbortSignal }
  ): AsyncGenerator<ImportBatch, SourceEnd> {
    const { lower, upper, after, signal } = options
    // an id is longer than the time that it begins with, so that it lies behind it
    let from: Uint8Array = after === undefined ? writeUint32(lower) : fromHex(after)
    const until = new Uint8Array(ID).fill(0xff)
    until.set(writeUint32(upper))
    const first = Math.max(lower, this.#ends.lower)
    const seconds = Math.max(1, Math.min(upper, this.#ends.upper) - first + 1)
    for (;;) {
      const rows = await this.#page(from, until, signal)
      const last = rows.at(-1)
      if (last === undefined) return {}
      from = last.id
      const own = rows.filter((row): row is Row & { data: Buffer } => row.data !== null && row.id.length >= POSITION)
      yield {
        raws: own.map(({ data }) => data),
        positions: own.map(({ id }) => id.subarray(0, POSITION)),
        mark: toHex(from),
        done: from.length >= 4 ? Math.max(0, Math.min(1, (readUint32(from) - first) / seconds)) : 0,
        skipped: rows.length - own.length
      }
    }
  }

  async close(): Promise<void> {
    await this.client.end().catch(() => {}) // it may be broken
  }

  /** Goes on by a new connection when this one breaks; what came is not asked for again. */
  async #page(from: Uint8Array, until: Uint8Array, signal: AbortSignal): Promise<Row[]> {
    for (let attempt = 1, pause = FIRST_PAUSE; ; attempt++, pause *= 2) {
      signal.throwIfAborted()
      try {
        return (await this.client.query<Row>(PAGE, [from, until])).rows
      } catch (err) {
        if (!isBroken(err)) throw explained(err, this.name)
        if (attempt === MAX_ATTEMPTS) throw explained(err, this.name)
      }
      await this.close()
      await delay(pause, { signal })
      this.client = await connect(this.config, this.name).catch(err => {
        if (attempt + 1 < MAX_ATTEMPTS && isBroken(err.cause)) return this.client
        throw err
      })
    }
  }

  /** Whether it is such an archive, and of what times. Throws `SourceError`. */
  async #look(): Promise<void> {
    const { rows } = await this.client.query<{ column: string; type: string }>(
      `select attname as column, format_type(atttypid, null) as type from pg_attribute
       where attrelid = to_regclass('envelopes') and attnum > 0 and not attisdropped`
    )
    if (rows.length === 0) {
      throw new SourceError(`${this.name} has no table "envelopes": name the database of the mailserver`)
    }
    for (const wanted of ['id', 'data']) {
      const type = rows.find(({ column }) => column === wanted)?.type
      if (type === 'bytea') continue
      const found = type === undefined ? 'no such column' : `it is ${type}`
      throw new SourceError(
        `the table "envelopes" of ${this.name} is none of a mailserver that is known here: "${wanted}" should be bytea, and ${found}`
      )
    }
    const ends = await this.client.query<Row>(
      '(select id from envelopes order by id limit 1) union all (select id from envelopes order by id desc limit 1)'
    )
    const [oldest, newest] = ends.rows.map(({ id }) => (id.length >= 4 ? readUint32(id) : 0))
    if (oldest !== undefined && newest !== undefined) this.#ends = { lower: oldest, upper: newest }
  }
}

/** Host and database, for messages: an URL may hold a password. */
function nameOf(url: string): string {
  try {
    const { hostname, port, pathname, searchParams } = new URL(url)
    return `PostgreSQL at ${searchParams.get('host') ?? (hostname || 'localhost')}${port === '' ? '' : `:${port}`}${pathname}`
  } catch {
    throw new SourceError('the URL of the database is not understood: postgres://<user>@<host>:<port>/<database>')
  }
}

async function connect(config: ClientConfig, name: string): Promise<pg.Client> {
  const client = new pg.Client(config)
  client.on('error', () => {}) // the query under way, or the next one, tells
  try {
    await client.connect()
    return client
  } catch (err) {
    await client.end().catch(() => {})
    throw explained(err, name)
  }
}

const BROKEN = ['ECONNRESET', 'ECONNREFUSED', 'EPIPE', 'ETIMEDOUT', '57P01', '57P02', '57P03']

function isBroken(err: unknown): boolean {
  const { code, message } = err as { code?: string; message?: string }
  return (
    (code !== undefined && (BROKEN.includes(code) || code.startsWith('08'))) ||
    /connection (was )?(terminated|ended|closed)|not queryable|timeout/i.test(message ?? '')
  )
}

const REMEDIES: Record<string, string> = {
  ECONNREFUSED: 'nobody listens there: is it running, and does it listen on this address?',
  ENOTFOUND: 'there is no such host',
  ENOENT: 'there is no such socket',
  '28P01': 'the password is wrong: set PGPASSWORD, or put it into ~/.pgpass',
  '28000': 'the server does not let this user in: see its pg_hba.conf',
  '3D000': 'there is no such database',
  '42501': 'this user may not read it: grant select on envelopes'
}

function explained(err: unknown, name: string): Error {
  if (err instanceof SourceError) return err
  const { code, message } = err as { code?: string; message: string }
  const password = /password must be|no password supplied/i.test(message)
  const reason = REMEDIES[password ? '28P01' : (code ?? '')] ?? message
  const again = isBroken(err) ? '; what came is kept, run it again to go on' : ''
  return new SourceError(`${name}: ${reason}${again}`, { cause: err })
}
