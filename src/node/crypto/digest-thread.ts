import { turnIsOver } from '../../base/loop-turn.js'
import { pause } from '../../base/pause.js'
import { WorkerThread } from '../../base/worker-thread.js'
import * as FIGURES from '../../limits/figures.js'
import type { PacketDigester } from '../../waku/packet-digester.js'
import { type DigestOptions, PacketDigests } from '../../wire/packet/packet-digests.js'

/** Without work the thread is let go after this, ms. */
const IDLE = 60_000
/** A thread that broke is not tried again for this long, ms. */
const RECOVERY = 60_000
/** So much of a large packet is copied at a time. */
const PIECE = 256 * 1024

const WORKER = new URL('./digest-worker.js', import.meta.url)

export interface DigestTask extends DigestOptions {
  body: Uint8Array
}

/** `digestPacket`'s; undefined for what is no packet. Once without a task: the thread is ready. */
export type DigestAnswer = Uint8Array | undefined

type Thread = WorkerThread<DigestTask | 'ready', DigestAnswer>

/**
 * One thread that hashes large Messages packets, so that a second core has the larger part of the work that posted envelopes
 * are. It is started by the first of them; that one and those that come before it is ready are hashed where they are judged.
 */
export class DigestThread implements PacketDigester {
  #thread: Thread | undefined
  #ready: Promise<boolean> | undefined
  #isReady = false
  /** Bytes that wait to be hashed. */
  #waiting = 0
  #timer: ReturnType<typeof setTimeout> | undefined
  #stopped = false

  digest(body: Uint8Array, options: DigestOptions): Promise<PacketDigests | undefined> | undefined {
    if (
      this.#stopped ||
      body.length < FIGURES.packet.thread.worth ||
      this.#waiting + body.length > FIGURES.packet.thread.waiting
    )
      return undefined
    void this.start()
    return this.#thread !== undefined && this.#isReady ? this.#ask(this.#thread, body, options) : undefined
  }

  /** Starts the thread before the first packet needs it, also after a stop; resolves with whether there is one. */
  start(): Promise<boolean> {
    this.#stopped = false
    this.#ready ??= this.#start()
    return this.#ready
  }

  /** Lets the thread go; what it had not hashed yet is hashed where it is judged. */
  stop(): void {
    this.#stopped = true
    this.#drop()
  }

  async #ask(thread: Thread, body: Uint8Array, options: DigestOptions): Promise<PacketDigests | undefined> {
    const size = body.length
    this.#waiting += size
    if (thread.waiting === 0) this.#watch(FIGURES.packet.thread.patience)
    try {
      const copy = size > FIGURES.packet.alone ? await copyInPieces(body) : body.slice()
      const bytes = await thread.ask({ ...options, body: copy }, [copy.buffer as ArrayBuffer])
      return bytes && new PacketDigests(bytes)
    } catch {
      this.#fail(thread)
      return undefined
    } finally {
      this.#waiting -= size
      if (this.#thread === thread) this.#watch(thread.waiting > 0 ? FIGURES.packet.thread.patience : IDLE)
    }
  }

  async #start(): Promise<boolean> {
    const thread: Thread | undefined = this.#stopped ? undefined : WorkerThread.start(WORKER)
    if (thread === undefined) return false
    this.#thread = thread
    this.#watch(FIGURES.packet.thread.patience)
    try {
      await thread.ask('ready')
    } catch {
      this.#fail(thread)
    }
    this.#isReady = this.#thread === thread
    if (this.#isReady) this.#watch(IDLE)
    return this.#isReady
  }

  /** Lets it go when nothing is heard of it any more, whether it is idle or stuck. */
  #watch(ms: number): void {
    clearTimeout(this.#timer)
    this.#timer = setTimeout(() => {
      if (this.#thread !== undefined && this.#thread.waiting > 0) this.#fail(this.#thread)
      else this.#drop()
    }, ms)
    this.#timer.unref()
  }

  /** Not tried again for a while: what broke it may break the next one. */
  #fail(thread: Thread): void {
    if (this.#thread !== thread) return
    this.#drop()
    this.#ready = Promise.resolve(false)
    this.#timer = setTimeout(() => {
      this.#ready = undefined
    }, RECOVERY)
    this.#timer.unref()
  }

  #drop(): void {
    clearTimeout(this.#timer)
    this.#ready = undefined
    this.#isReady = false
    const thread = this.#thread
    this.#thread = undefined
    thread?.stop()
  }
}

/** 16 MiB at once, in memory that nobody touched before, would keep everybody waiting. */
async function copyInPieces(bytes: Uint8Array): Promise<Uint8Array<ArrayBuffer>> {
  const copy = new Uint8Array(Buffer.allocUnsafeSlow(bytes.length).buffer as ArrayBuffer)
  for (let from = 0; from < bytes.length; from += PIECE) {
    if (turnIsOver()) await pause()
    copy.set(bytes.subarray(from, from + PIECE), from)
  }
  return copy
}
