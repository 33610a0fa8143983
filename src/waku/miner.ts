import type { Logger } from '@libp2p/interface'
import { OneAtATime } from '../base/one-at-a-time.js'
import { pause } from '../base/pause.js'
import type { WorkerThread } from '../base/worker-thread.js'
import { type Envelope, type EnvelopeFields, encodeEnvelope, encodeShortRlp } from '../wire/envelope/envelope.js'
import { mineRange, miningBits } from '../wire/envelope/pow.js'
import { MiningTargetError, WakuStoppedError } from './errors.js'
import { startMineThread } from './mine-thread.js'

/** Attempts made at once, before a worker is worth its start: a few milliseconds. */
const INLINE_ATTEMPTS = 256
/** Attempts per message to the worker: a fraction of a second. */
const WORKER_RANGE = 16_384
/** More leading zero bits than this would take longer than any TTL. */
const MAX_BITS = 40
/** A worker without work is let go after this, in ms. */
const WORKER_IDLE = 10_000

/** A range of nonces to try. */
export interface MineTask {
  shortRlp: Uint8Array
  bits: number
  from: bigint
  count: number
}

/** The nonce, or undefined when the range holds none. */
export type MineAnswer = bigint | undefined

/**
 * Searches nonces. Easy targets are met at once; harder ones in one worker thread where there are any, in time slices
 * elsewhere. Searches take turns, so that mining never occupies more than one core.
 */
export class Miner {
  readonly #log: Logger
  #worker: WorkerThread<MineTask, MineAnswer> | undefined
  #workerFailed = false
  readonly #searches = new OneAtATime()
  #idle: ReturnType<typeof setTimeout> | undefined
  #stopped = false

  constructor(log: Logger) {
    this.#log = log
  }

  /**
   * Seals `fields` so that every deployed definition of proof of work meets `target`.
   *
   * @throws {MiningTargetError} when the target asks for more than 2^40 attempts
   */
  async mine(
    fields: Omit<EnvelopeFields, 'nonce'>,
    target: number,
    options: { signal?: AbortSignal | undefined } = {}
  ): Promise<Envelope> {
    const bits = miningBits(fields, target)
    if (bits > MAX_BITS) throw new MiningTargetError(`a proof of work of ${target} asks for ${bits} zero bits`)
    const shortRlp = encodeShortRlp(fields)
    const nonce =
      mineRange(shortRlp, bits, 0n, INLINE_ATTEMPTS) ??
      (await this.#searches.run(() => this.#search(shortRlp, bits, options.signal)))
    return encodeEnvelope({ ...fields, nonce })
  }

  start(): void {
    this.#stopped = false
  }

  stop(): void {
    this.#stopped = true
    clearTimeout(this.#idle)
    this.#worker?.stop()
    this.#worker = undefined
  }

  async #search(shortRlp: Uint8Array, bits: number, signal: AbortSignal | undefined): Promise<bigint> {
    try {
      clearTimeout(this.#idle)
      for (let from = BigInt(INLINE_ATTEMPTS); ; ) {
        signal?.throwIfAborted()
        if (this.#stopped) throw new WakuStoppedError('the node stopped while mining')
        const count = this.#ensureWorker() === undefined ? INLINE_ATTEMPTS : WORKER_RANGE
        const found = await this.#attempt({ shortRlp, bits, from, count })
        if (found === 'failed') continue
        if (found !== undefined) return found
        from += BigInt(count)
      }
    } finally {
      if (this.#worker !== undefined) {
        clearTimeout(this.#idle)
        this.#idle = setTimeout(() => this.#dropWorker(), WORKER_IDLE)
        ;(this.#idle as { unref?: () => void }).unref?.()
      }
    }
  }

  async #attempt(task: MineTask): Promise<MineAnswer | 'failed'> {
    if (this.#worker === undefined) {
      await pause()
      return mineRange(task.shortRlp, task.bits, task.from, task.count)
    }
    try {
      return await this.#worker.ask(task)
    } catch (err) {
      if (this.#stopped) return 'failed'
      this.#log('mining without a worker - %e', err as Error)
      this.#workerFailed = true
      this.#dropWorker()
      return 'failed'
    }
  }

  #ensureWorker(): WorkerThread<MineTask, MineAnswer> | undefined {
    if (this.#worker === undefined && !this.#workerFailed) {
      this.#worker = startMineThread()
      this.#workerFailed = this.#worker === undefined
    }
    return this.#worker
  }

  #dropWorker(): void {
    this.#worker?.stop()
    this.#worker = undefined
  }
}
