import type { ConnectionOptions } from 'node:tls'
import cassandra from 'cassandra-driver'
import { delay } from '../../base/delay.js'
import { ArchiveError } from '../errors.js'
import { NodesThatAnswer } from './cassandra-nodes.js'
import { cassandraTrouble, isPassing, TimeUpError } from './cassandra-trouble.js'
import type { CassandraPlace } from './cassandra-url.js'

export interface SessionInit extends CassandraPlace {
  credentials?: { username: string; password: string } | undefined
  /** TLS when given: what `tls.connect` takes, such as `ca`, `cert` and `key`. */
  tls?: ConnectionOptions | undefined
  /** The data centre whose nodes are asked; that of the first contact point that answers when absent. */
  datacenter?: string | undefined
  /** Told of every statement: its text, and what it is about. */
  onStatement?: ((cql: string, params: readonly unknown[]) => void) | undefined
  /** Told how many statements wait for an answer, each time that one or a batch is sent. */
  onRunning?: ((running: number) => void) | undefined
}

export type Row = cassandra.types.Row

/** A statement with its parameters. */
export interface Statement {
  query: string
  params: unknown[]
}

export interface RunOptions {
  /** When it has to be done, by `performance.now()`. */
  until?: number | undefined
  /** A statement with a condition: not sent to a second node while the first may still do it. */
  conditional?: boolean | undefined
  /** A read that sees every condition that was met before. */
  serial?: boolean | undefined
  /** Changes the tables, which takes its time. */
  schema?: boolean | undefined
  /** Asks this node and no other. */
  host?: cassandra.Host | undefined
}

/** A statement that is not answered by then fails, ms: nobody waits longer than ten seconds for an error. */
export const PATIENCE = 9000
/** One node has so long before the next is asked, ms. */
const NODE_PATIENCE = 3000
/** The same for a statement with a condition, of which no second node is asked meanwhile. */
const CONDITION_PATIENCE = 1200
/** All nodes have to agree to new tables, ms. */
const SCHEMA_PATIENCE = 60_000
/** A second node is asked too after so long, ms. */
const IMPATIENCE = 400
const CONNECT_PATIENCE = 4000
/** Before a statement that nobody answered in time is sent again, ms. */
const PAUSE = 50
/** Statements that wait for an answer at the same time. */
export const MAX_RUNNING = 64
/** Rows that the driver takes at a time. */
const FETCH = 5000

const { localQuorum, localSerial } = cassandra.types.consistencies

/** Statements to one cluster, a bounded number at a time, each with an end. */
export class CassandraSession {
  readonly #client: cassandra.Client
  readonly #nodes: NodesThatAnswer
  readonly #onStatement: SessionInit['onStatement']
  readonly #onRunning: SessionInit['onRunning']
  #running = 0
  readonly #waiting: (() => void)[] = []

  private constructor(client: cassandra.Client, nodes: NodesThatAnswer, { onStatement, onRunning }: SessionInit) {
    this.#client = client
    this.#nodes = nodes
    this.#onStatement = onStatement
    this.#onRunning = onRunning
  }

  /** Connects; the keyspace need not be there. @throws ArchiveError */
  static async open(init: SessionInit): Promise<CassandraSession> {
    const datacenter = init.datacenter ?? (await datacenterOf(init))
    const nodes = new NodesThatAnswer()
    const options = {
      ...common(init),
      localDataCenter: datacenter,
      policies: {
        loadBalancing: nodes,
        speculativeExecution: new cassandra.policies.speculativeExecution.ConstantSpeculativeExecutionPolicy(
          IMPATIENCE,
          2
        )
      }
    }
    try {
      return await connected(options, async client => new CassandraSession(client, nodes, init))
    } catch (error) {
      if (init.datacenter !== undefined && /data ?cent(er|re)/i.test((error as Error).message))
        throw new ArchiveError(`no node of Cassandra is in the data centre ${init.datacenter}`, { cause: error })
      throw cassandraTrouble(error)
    }
  }

  /** Nodes that are up, as far as is known. */
  get hosts(): cassandra.Host[] {
    return this.#client.hosts.values().filter(host => host.isUp())
  }

  /** The same one for whoever asks: of what is made there at once one is first. */
  get firstHost(): cassandra.Host | undefined {
    const near = this.hosts.filter(host => host.datacenter === this.datacenter)
    return near.sort((a, b) => (a.address < b.address ? -1 : 1))[0]
  }

  /** Whether all nodes know the same tables. */
  async agrees(): Promise<boolean> {
    // its declarations lack what its documents have
    const metadata = this.#client.metadata as unknown as { checkSchemaAgreement(): Promise<boolean> }
    return await metadata.checkSchemaAgreement()
  }

  get datacenter(): string {
    return (this.#client as unknown as { options: { localDataCenter: string } }).options.localDataCenter
  }

  /** @throws ArchiveError */
  async run(query: string, params: unknown[] = [], options: RunOptions = {}): Promise<Row[]> {
    this.#onStatement?.(query, params)
    const { conditional, serial, schema, host } = options
    const repeat = conditional !== true && schema !== true
    const execute = () =>
      this.#client.execute(query, params, {
        prepare: host === undefined && schema !== true,
        ...(schema && { readTimeout: SCHEMA_PATIENCE }),
        ...(conditional && { readTimeout: CONDITION_PATIENCE }),
        isIdempotent: repeat,
        consistency: serial === true ? localSerial : localQuorum,
        serialConsistency: localSerial,
        ...(host && { host, consistency: cassandra.types.consistencies.one })
      })
    const until = schema ? performance.now() + SCHEMA_PATIENCE : options.until
    const result = await this.#within(until, execute, { repeat })
    // of more rows than the driver takes at once the rest would be left behind
    if (result.pageState !== null && result.pageState !== undefined)
      return await this.#rest(query, params, result, options)
    return result.rows ?? []
  }

  /** Writes of one partition: all or nothing, in one piece. @throws ArchiveError */
  async batch(statements: readonly Statement[], { until }: RunOptions = {}): Promise<void> {
    for (const { query, params } of statements) this.#onStatement?.(query, params)
    const options = { prepare: true, logged: false, isIdempotent: true, consistency: localQuorum }
    const [only] = statements
    await this.#within(until, () =>
      statements.length === 1 && only !== undefined
        ? this.#client.execute(only.query, only.params, options)
        : this.#client.batch([...statements], options)
    )
  }

  async close(): Promise<void> {
    await this.#client.shutdown()
  }

  async #rest(
    query: string,
    params: unknown[],
    first: cassandra.types.ResultSet,
    { until }: RunOptions
  ): Promise<Row[]> {
    const rows = [...first.rows]
    for (let pageState = first.pageState; pageState !== null && pageState !== undefined; ) {
      const state = pageState
      const next = await this.#within(until, () =>
        this.#client.execute(query, params, {
          prepare: true,
          isIdempotent: true,
          consistency: localQuorum,
          pageState: state
        })
      )
      rows.push(...next.rows)
      pageState = next.pageState
    }
    return rows
  }

  /** What may be done twice is tried again as long as there is time. */
  async #repeated<T>(work: () => Promise<T>, until: number): Promise<T> {
    for (;;) {
      try {
        return await work()
      } catch (error) {
        this.#nodes.learn(error)
        if (!isPassing(error) || until - performance.now() < 2 * PAUSE) throw error
      }
      await delay(PAUSE)
    }
  }

  async #within<T>(
    until: number = performance.now() + PATIENCE,
    work: () => Promise<T>,
    { repeat = true }: { repeat?: boolean } = {}
  ): Promise<T> {
    while (this.#running >= MAX_RUNNING) await new Promise<void>(resolve => this.#waiting.push(resolve))
    const left = until - performance.now()
    if (left <= 0) {
      this.#waiting.shift()?.()
      throw cassandraTrouble(new TimeUpError('no time is left'))
    }
    this.#running++
    this.#onRunning?.(this.#running)
    let timer: ReturnType<typeof setTimeout> | undefined
    const timeUp = new Promise<never>((_, reject) => {
      timer = setTimeout(() => reject(new TimeUpError('no answer came in time')), left)
    })
    try {
      return await Promise.race([repeat ? this.#repeated(work, until) : work(), timeUp])
    } catch (error) {
      this.#nodes.learn(error)
      throw cassandraTrouble(error)
    } finally {
      clearTimeout(timer)
      this.#running--
      this.#waiting.shift()?.()
    }
  }
}

function common({ contactPoints, credentials, tls }: SessionInit): cassandra.ClientOptions {
  return {
    contactPoints,
    ...(credentials && { credentials }),
    ...(tls && { sslOptions: { rejectUnauthorized: true, ...tls } }),
    // the driver takes the others to listen at one port
    protocolOptions: { maxSchemaAgreementWaitSeconds: 10, port: Number(/\d+$/.exec(contactPoints[0] ?? '')?.[0]) },
    queryOptions: { fetchSize: FETCH },
    socketOptions: { connectTimeout: CONNECT_PATIENCE, readTimeout: NODE_PATIENCE },
    pooling: { heartBeatInterval: 5000 }
  }
}

/** The driver has to be told whose nodes are near. */
async function datacenterOf(init: SessionInit): Promise<string> {
  const { policies } = cassandra
  const options = {
    ...common(init),
    policies: { loadBalancing: new policies.loadBalancing.RoundRobinPolicy() }
  }
  try {
    return await connected(options, async client => {
      const { rows } = await client.execute('SELECT data_center FROM system.local')
      await client.shutdown().catch(() => {})
      return String(rows[0]?.data_center)
    })
  } catch (error) {
    throw cassandraTrouble(error)
  }
}

/** What is made of a client that connected: nodes that do not answer for a moment, such as busy ones, are tried again. */
async function connected<T>(
  options: cassandra.ClientOptions,
  use: (client: cassandra.Client) => Promise<T>
): Promise<T> {
  const lastTry = performance.now() + PATIENCE - CONNECT_PATIENCE
  for (;;) {
    // one that could not connect stays so
    const client = new cassandra.Client(options)
    try {
      await client.connect()
      return await use(client)
    } catch (error) {
      await client.shutdown().catch(() => {})
      if (!isPassing(error) || performance.now() > lastTry) throw error
    }
  }
}
