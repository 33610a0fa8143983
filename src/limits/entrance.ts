import { pause } from '../base/pause.js'
import * as FIGURES from './figures.js'

interface Newcomer {
  since: number
  /** Rounds that were over when it came. */
  round: number
  enter(may: boolean): void
}

/** The event loop, as far as it matters here; times in ms. */
export interface EventLoop {
  now(): number
  /** Runs a task once what is ready now was dealt with. */
  next(task: () => void): void
}

const LOOP: EventLoop = { now: () => performance.now(), next: task => void pause().then(task) }

/**
 * Where newcomers wait until those who are served had their turn: agreeing on a connection takes as long as many answers. One
 * is let in for each round of the event loop that was short, and now and then one in any case. While nothing else is to do
 * nobody waits. Addresses take turns.
 */
export class Entrance {
  readonly #loop: EventLoop
  readonly #onWait: () => void
  /** By address, in the order of their turns. */
  readonly #waiting = new Map<string, Newcomer[]>()
  #watching = false
  #round = 0
  #before = 0
  #entered = 0

  /** @param onWait told of each that is not let in within the round in which it came */
  constructor(onWait: () => void = () => {}, loop: EventLoop = LOOP) {
    this.#onWait = onWait
    this.#loop = loop
  }

  /** Resolves when it is the turn of one of that address: with false when that took so long that it had better come again. */
  enter(address: string): Promise<boolean> {
    return new Promise(resolve => {
      const since = this.#loop.now()
      const newcomer: Newcomer = { since, round: this.#round, enter: resolve }
      const queue = this.#waiting.get(address)
      if (queue === undefined) this.#waiting.set(address, [newcomer])
      else queue.push(newcomer)
      if (this.#watching) return
      this.#watching = true
      this.#before = since
      this.#loop.next(this.#onRound)
    })
  }

  readonly #onRound = (): void => {
    const { calm, atLeastEvery, patience } = FIGURES.entrance
    const now = this.#loop.now()
    const calmly = now - this.#before <= calm
    this.#before = now
    if (calmly || now - this.#entered >= atLeastEvery) {
      let newcomer = this.#take()
      // it would not have the time to agree, and take that of others
      while (newcomer !== undefined && now - newcomer.since > patience) {
        newcomer.enter(false)
        newcomer = this.#take()
      }
      if (newcomer !== undefined) {
        this.#entered = now
        if (newcomer.round !== this.#round) this.#onWait()
        newcomer.enter(true)
      }
    }
    this.#round++
    this.#watching = this.#waiting.size > 0
    if (this.#watching) this.#loop.next(this.#onRound)
  }

  #take(): Newcomer | undefined {
    for (const [address, queue] of this.#waiting) {
      const first = queue.shift()
      this.#waiting.delete(address)
      if (queue.length > 0) this.#waiting.set(address, queue)
      return first
    }
    return undefined
  }
}
