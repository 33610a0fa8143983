import { cpSync, existsSync, mkdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import type { Connection } from '@libp2p/interface'
import { ControlClient } from '../../src/node/control/control-client.js'
import { openDataDir } from '../../src/node/data-dir/data-dir.js'
import type { Envelope } from '../../src/wire/envelope/envelope.js'
import { Prng } from '../../test/archive/prng.js'
import { type Client, PASSWORD } from './client.js'
import { Conversation } from './conversation.js'
import { Recording, type Snapshot, snapshotOf } from './cuts/recording.js'
import { FaultPage } from './fault-page.js'
import { type History, type HistoryAsk, noHistory, wholeHistory } from './history.js'
import { Ledger } from './ledger.js'
import { MissedError } from './missed.js'
import { NodeProcess } from './node-process.js'
import { type CutFile, cutPower } from './power-cut.js'
import { newEnvelope, TOPICS, type TrafficShape } from './traffic.js'
import type { Weakness } from './weakness.js'

export interface TrialInit {
  /** Empty, for this trial alone. */
  folder: string
  /** Path of the preloaded library. */
  library: string
  client: Client
  seed: number
  /** The defence that the node is without. */
  weakness?: Weakness | undefined
  /** What was posted before to what lies in the folder. @default nothing */
  ledger?: ((moment: () => number) => Ledger) | undefined
  /** Has everything that the node does to its files recorded; then the ledger's times are those of the recording. */
  record?: boolean | undefined
  /** Packets that wait for an answer at a time. @default 6 */
  window?: number | undefined
}

const SECONDS = 1000
const SMALL_BUFFER = new URL('./small-buffer.js', import.meta.url).href
const COMMAND_MS = 60_000
/** The node has to answer everything within this time. */
const POST_MS = 60_000
/** Until it stores again once the disk works again: LevelDB is opened anew, with pauses. */
const AGAIN_MS = 60_000
const PAUSE_MS = 200
const HISTORY_TRIES = 3
const CONVERSE_TRIES = 3
const WINDOW = 6

/** One data dir with its node, and everything that is known about what was posted to it. */
export class Trial {
  readonly prng: Prng
  readonly ledger: Ledger
  readonly page: FaultPage
  readonly dataDir: string
  /** What the run saw beside the counts, in a line each. */
  readonly notes: string[] = []
  /** How often a node that ran could not be reached, or broke off an answer. */
  outages = 0
  /** Other nodes that this one talks to. */
  readonly neighbours: Trial[] = []
  readonly #init: TrialInit
  readonly #journal: string
  readonly #graves: string
  readonly #tape: string
  #node: NodeProcess | undefined
  #connection: Connection | undefined
  #finished = false
  #before: Snapshot | undefined

  constructor(init: TrialInit) {
    this.#init = init
    this.prng = new Prng(init.seed)
    this.dataDir = join(init.folder, 'data')
    this.#journal = join(init.folder, 'journal')
    this.#graves = join(init.folder, 'graves')
    this.#tape = join(init.folder, 'tape')
    const moment = (): number => this.recorded
    this.ledger = init.ledger?.(moment) ?? new Ledger(moment)
    mkdirSync(this.dataDir, { mode: 0o700, recursive: true })
    writeFileSync(join(init.folder, 'password'), PASSWORD)
    this.page = new FaultPage(join(init.folder, 'page'))
  }

  get database(): string {
    return join(this.dataDir, 'database')
  }

  /** The clock of the node, Unix seconds. */
  get now(): number {
    return Math.floor(Date.now() / SECONDS) + this.page.get('clockShift')
  }

  /** Starts the node; faults that are set hold from its first step. @throws NotServingError */
  async start(): Promise<void> {
    const listen = ['--listen', '/ip4/127.0.0.1/tcp/0', '--no-devp2p']
    const open = ['--password-file', join(this.#init.folder, 'password'), '--min-pow', '0', '--request-pow', '0']
    this.#launch(['start', '--data-dir', this.dataDir, '--json', '--max-ttl', '60d', ...listen, ...open])
    await this.node.serving()
    if (this.page.get('loaded') === 0) throw new Error('the faulty disk was not loaded')
    if ((await this.connected()) === undefined) throw this.node.gone.reason
  }

  /** Runs a command on the data dir in a process of its own; resolves with its exit code and what it told. */
  async run(args: readonly string[]): Promise<{ code: number | null; output: string }> {
    const node = this.#launch([...args, '--data-dir', this.dataDir])
    const code = await node.ended()
    this.#node = undefined
    return { code, output: node.output }
  }

  /** The node that runs. */
  get node(): NodeProcess {
    if (this.#node === undefined) throw new Error('no node runs')
    return this.#node
  }

  /** A command to the running node. */
  async ask<T>(command: string, params: unknown = {}): Promise<T> {
    const control = await ControlClient.find(await openDataDir(this.dataDir))
    if (control === undefined) throw new Error('no node listens on the control socket')
    try {
      return (await control.ask(command, params, { signal: AbortSignal.timeout(COMMAND_MS) })) as T
    } finally {
      control.close()
    }
  }

  /**
   * Posts so many envelopes, in packets of `batch`, and waits for the answers; ends early with the node, or when `until` says so.
   * That the node ends is no error.
   */
  async post(
    count: number,
    {
      batch = 20,
      until = () => false,
      ...shape
    }: Partial<TrafficShape> & { batch?: number; until?: () => boolean } = {}
  ): Promise<void> {
    const conversation = await this.#converse()
    if (conversation === undefined) return
    const timer = setTimeout(() => conversation.close(), POST_MS)
    let left = count
    const worker = async (): Promise<void> => {
      while (left > 0 && !conversation.ended && !until()) {
        const size = Math.min(batch, left)
        left -= size
        await conversation.post(this.envelopes(size, shape))
      }
    }
    await Promise.all(Array.from({ length: this.#init.window ?? WINDOW }, worker))
    clearTimeout(timer)
    conversation.close()
  }

  envelopes(count: number, shape: Partial<TrafficShape> = {}): Envelope[] {
    return Array.from({ length: count }, () => newEnvelope(this.prng, { now: this.now, ...shape }))
  }

  note(line: string): void {
    this.notes.push(line)
  }

  /** Another node, with a data dir and a ledger of its own and without faults. It ends with this trial. */
  async neighbour(): Promise<Trial> {
    const folder = join(this.#init.folder, `neighbour-${this.neighbours.length}`)
    mkdirSync(folder)
    const neighbour = new Trial({
      ...this.#init,
      folder,
      seed: this.prng.uint32(),
      weakness: undefined,
      ledger: undefined,
      record: false
    })
    this.neighbours.push(neighbour)
    await neighbour.start()
    return neighbour
  }

  /** @throws MissedError unless the fault that was set did something: a fault that never strikes proves nothing */
  struck(): void {
    if (this.page.get('hits') === 0) throw new MissedError('the fault never struck')
  }

  /** Posts until something is stored again, as it has to be without a restart once a fault is over. */
  async storesAgain(): Promise<void> {
    const before = this.ledger.acknowledged
    for (const deadline = performance.now() + AGAIN_MS; this.ledger.acknowledged === before; await delay(PAUSE_MS)) {
      this.node.gone.throwIfAborted()
      if (performance.now() > deadline) throw new Error('it stores nothing again before a restart')
      await this.post(20)
    }
  }

  /** What requests of this node are encrypted with. */
  get key(): Uint8Array {
    return this.#init.client.key
  }

  /** Everything that the node delivers, asked for by time, by topic and by the order in which it came. */
  async histories(): Promise<History[]> {
    const { key, now } = this
    return [
      await this.#history({ key, now }),
      await this.#history({ key, now, topics: TOPICS }),
      await this.#history({ key, now, sequence: true })
    ]
  }

  /** A connection that breaks says nothing about the archive: it is asked again. */
  async #history(ask: HistoryAsk): Promise<History> {
    for (let left = HISTORY_TRIES; ; left--) {
      const connection = await this.connected()
      if (connection === undefined) return noHistory((this.node.gone.reason as Error).message)
      const history = await wholeHistory(connection, ask)
      if (!history.broken || left === 1) return history
      this.outages++
    }
  }

  /** Resolves when something holds; it is looked at every few milliseconds. */
  async until(what: () => boolean, { seconds = 60 } = {}): Promise<void> {
    const deadline = performance.now() + seconds * SECONDS
    while (!what()) {
      if (performance.now() > deadline) throw new Error(`nothing of the kind in ${seconds} s: ${what}`)
      await delay(5)
    }
  }

  /** How many tables LevelDB has begun since the node was started. */
  get tables(): number {
    return this.journal.match(/^C\t.*\.ldb$/gm)?.length ?? 0
  }

  /** What the faulty disk told since the node was started. */
  get journal(): string {
    return existsSync(this.#journal) ? readFileSync(this.#journal, 'utf8') : ''
  }

  /** How much the faulty disk told since the node was started, in bytes. */
  get recorded(): number {
    return statSync(this.#journal, { throwIfNoEntry: false })?.size ?? 0
  }

  /** What the node did to its files since it was started; for a trial that records. */
  get recording(): Recording {
    if (this.#before === undefined) throw new Error('nothing was recorded')
    return new Recording(this.#before, this.journal, readFileSync(this.#tape))
  }

  /** Stops the node and starts it again: LevelDB turns its log into a table then. */
  async reopen(): Promise<void> {
    await this.stop()
    await this.start()
  }

  async stop(): Promise<void> {
    this.node.kill('SIGTERM')
    await this.#over()
  }

  /** Kills the node, unless it has killed itself where `dieAt` told it to. */
  async kill(): Promise<void> {
    this.node.kill()
    await this.#over()
  }

  /** What a power cut leaves of the data dir of a node that was killed. */
  cutPower(options: { torn?: boolean } = {}): CutFile[] {
    return cutPower(this.dataDir, this.journal, this.prng, options)
  }

  /** Ends what still runs and removes everything. */
  async end(): Promise<void> {
    this.#finished = true
    for (const neighbour of this.neighbours) await neighbour.end()
    if (this.#node !== undefined) await this.kill()
    this.page.close()
    rmSync(this.#init.folder, { recursive: true, force: true, maxRetries: 5 })
  }

  /** Keeps a copy of the data dir for whoever wants to see what is wrong with it. */
  keep(path: string): void {
    cpSync(this.dataDir, path, { recursive: true, filter: source => !source.endsWith('control.sock') })
  }

  /** The client gives up a connection on which the node does not answer; there is a new one then. Undefined: the node is gone. */
  private async connected(): Promise<Connection | undefined> {
    const { gone, address } = this.node
    if (gone.aborted) return undefined
    if (this.#connection?.status === 'open') return this.#connection
    const onRefused = (): void => {
      this.outages++
    }
    try {
      this.#connection = await this.#init.client.connect(address, { signal: gone, onRefused })
      return this.#connection
    } catch (err) {
      if (gone.aborted) return undefined
      throw err
    }
  }

  async #converse(): Promise<Conversation | undefined> {
    for (let left = CONVERSE_TRIES; ; left--) {
      const connection = await this.connected()
      if (connection === undefined) return undefined
      try {
        return await Conversation.open(connection, this.ledger)
      } catch (err) {
        connection.abort(err as Error)
        // a moment, for the end of the process to be told
        await delay(PAUSE_MS)
        if (left === 1 && !this.node.gone.aborted) throw err
        this.outages++
      }
    }
  }

  #launch(args: readonly string[]): NodeProcess {
    // a run that took too long may still go on
    if (this.#finished) throw new Error('the trial is over')
    rmSync(this.#journal, { force: true })
    rmSync(this.#graves, { recursive: true, force: true })
    mkdirSync(this.#graves)
    if (this.#init.record === true) this.#before = snapshotOf(this.dataDir)
    this.page.set('loaded', 0)
    this.page.set('ops', 0)
    this.#node = new NodeProcess({
      args,
      env: {
        LD_PRELOAD: this.#init.library,
        UV_USE_IO_URING: '0',
        FAULTY_PAGE: this.page.path,
        FAULTY_ROOT: this.dataDir,
        FAULTY_JOURNAL: this.#journal,
        FAULTY_GRAVES: this.#graves,
        ...(this.#init.record === true && { FAULTY_TAPE: this.#tape })
      },
      // a weakness comes first: it may replace what the other loads
      imports: [...(this.#init.weakness === undefined ? [] : [this.#init.weakness.module]), SMALL_BUFFER]
    })
    return this.#node
  }

  async #over(): Promise<void> {
    await this.node.ended()
    this.#connection?.abort(new Error('the node is gone'))
    this.#connection = undefined
    this.#node = undefined
    const clockShift = this.page.get('clockShift')
    this.page.reset()
    this.page.set('clockShift', clockShift)
  }
}
