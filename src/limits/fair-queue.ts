import { turnIsOver } from '../base/loop-turn.js'
import { pause } from '../base/pause.js'
import type { Narrowing } from './narrowing.js'
import type { Origin } from './origin.js'
import type { StartRate } from './start-rate.js'
import type { UsedTime } from './used-time.js'

/** Begins what waited. */
type Start = () => void

export interface FairQueueOptions {
  used?: UsedTime | undefined
  narrowing?: Narrowing | undefined
  rate?: StartRate | undefined
}

export interface TurnOptions<T> {
  signal?: AbortSignal | undefined
  cost?: ((brought: T) => number | undefined) | undefined
}

/**
 * Work in turns: so many at a time. Whichever address has waited longest since its last turn is next, and of it whichever peer
 * has: a peer with much to do, or an address with many peers, delays others by one turn only. With times used in place of turns,
 * whichever address used least: who asks for little does not wait for those that ask for much. Between two pieces of work
 * everything else gets its turn, when they took long. With a rate whoever is next waits for that too.
 */
export class FairQueue {
  readonly #concurrency: number
  readonly #onWait: () => void
  readonly #used: UsedTime | undefined
  readonly #narrowing: Narrowing | undefined
  readonly #rate: StartRate | undefined
  /** By address, then by peer; both in the order of their next turns. */
  readonly #waiting = new Map<string, Map<string, Start[]>>()
  #running = 0
  #paused = false

  /**
   * @param onWait told of each that does not have its turn at once
   * @param options.used decides who is next, where turns differ much in what they cost
   * @param options.narrowing says when only one has a turn at a time: what more of them bring at once makes full turns of the event loop
   * longer
   * @param options.rate no more than so many begin
   */
  constructor(concurrency: number, onWait: () => void = () => {}, options: FairQueueOptions = {}) {
    this.#concurrency = concurrency
    this.#onWait = onWait
    this.#used = options.used
    this.#narrowing = options.narrowing
    this.#rate = options.rate
  }

  /** Whether a turn is free, and nobody waits for one. */
  get idle(): boolean {
    return this.#free && !this.crowded
  }

  /** How many pieces of work wait for a turn. */
  get waiting(): number {
    let count = 0
    for (const peers of this.#waiting.values()) for (const queue of peers.values()) count += queue.length
    return count
  }

  /** Whether somebody waits for a turn. */
  get crowded(): boolean {
    return this.#waiting.size > 0
  }

  get #free(): boolean {
    return this.#running < (this.#narrowing?.active ? 1 : this.#concurrency) && (this.#rate?.wait ?? 0) === 0
  }

  #turnIsOver(): boolean {
    if (!turnIsOver()) return false
    this.#narrowing?.noteFullTurn()
    return true
  }

  /**
   * Does `work` when it is the turn of who asks.
   *
   * @param options.cost of what it brought, ms, where that says more than how long it lasted
   * @throws the reason of `signal`, when it aborts before the turn came
   */
  async run<T>(origin: Origin, work: () => T | Promise<T>, options: TurnOptions<T> = {}): Promise<T> {
    options.signal?.throwIfAborted()
    this.#narrowing?.noteAddress(origin.address)
    if (this.idle && !this.#turnIsOver()) return await this.#do(origin, work, options)
    this.#onWait()
    return await this.#queue(origin, work, options)
  }

  async #do<T>({ address }: Origin, work: () => T | Promise<T>, { cost }: TurnOptions<T>): Promise<T> {
    this.#running++
    this.#narrowing?.noteAddress(address)
    this.#rate?.began()
    const over = this.#used?.begin(address)
    let used: number | undefined
    try {
      const brought = await work()
      used = cost?.(brought)
      return brought
    } finally {
      this.#running--
      over?.(used)
      this.#next()
    }
  }

  #queue<T>(origin: Origin, work: () => T | Promise<T>, options: TurnOptions<T>): Promise<T> {
    const { signal } = options
    return new Promise((resolve, reject) => {
      const start = (): void => {
        signal?.removeEventListener('abort', onAbort)
        this.#do(origin, work, options).then(resolve, reject)
      }
      const onAbort = (): void => {
        this.#leave(origin, start)
        reject(signal?.reason)
      }
      signal?.addEventListener('abort', onAbort, { once: true })
      this.#enter(origin, start)
      this.#next()
    })
  }

  #enter({ address, peer }: Origin, start: Start): void {
    const peers = this.#waiting.get(address) ?? new Map<string, Start[]>()
    this.#waiting.set(address, peers)
    const queue = peers.get(peer)
    if (queue === undefined) peers.set(peer, [start])
    else queue.push(start)
  }

  #leave({ address, peer }: Origin, start: Start): void {
    const peers = this.#waiting.get(address)
    const queue = (peers?.get(peer) ?? []).filter(other => other !== start)
    if (queue.length > 0) peers?.set(peer, queue)
    else peers?.delete(peer)
    if (peers?.size === 0) this.#waiting.delete(address)
  }

  /** Begins what there are places for, unless everything else is due. */
  #next(): void {
    while (this.#free && !this.#paused) {
      if (this.crowded && this.#turnIsOver()) return void this.#pause()
      const start = this.#take()
      if (start === undefined) return
      start()
    }
    // also where it says that nobody waits: it may say so only since it was asked last
    if (this.crowded && this.#running < this.#concurrency && !this.#paused) this.#rate?.whenFree(() => this.#next())
  }

  /** One piece of work follows in any case: where others use up each turn of the event loop, this would have none otherwise. */
  async #pause(): Promise<void> {
    this.#paused = true
    await pause()
    // this turn has lasted from here on, not from behind the piece that follows
    turnIsOver()
    this.#paused = false
    if (this.#free) this.#take()?.()
    this.#next()
  }

  #take(): Start | undefined {
    const address = this.#used?.least(this.#waiting.keys()) ?? first(this.#waiting)
    const peers = address === undefined ? undefined : this.#waiting.get(address)
    const peer = peers && first(peers)
    if (address === undefined || peers === undefined || peer === undefined) return undefined
    const queue = peers.get(peer) ?? []
    const start = queue.shift()
    // to the end of both lines, with what else they wait for
    this.#waiting.delete(address)
    peers.delete(peer)
    if (queue.length > 0) peers.set(peer, queue)
    if (peers.size > 0) this.#waiting.set(address, peers)
    return start
  }
}

function first<K>(map: ReadonlyMap<K, unknown>): K | undefined {
  return map.keys().next().value
}
