import { Debts } from './debts.js'

/** How many pieces of work may begin. */
export interface StartRules {
  perSecond: number
  /** After a rest so many begin at once. */
  atOnce: number
  /** A clock in milliseconds. */
  now?: () => number
}

const ALL = 'all'

/** Pieces of work that begin at a steady rate, whoever they are for. */
export class StartRate {
  readonly #begun: Debts
  #timer: ReturnType<typeof setTimeout> | undefined

  constructor({ perSecond, atOnce, now }: StartRules) {
    const rules = { rate: perSecond / 1000, free: atOnce - 1, longest: Number.MAX_SAFE_INTEGER, remembered: 1 }
    this.#begun = new Debts(rules, now)
  }

  /** Until the next may begin, ms; 0: it may. */
  get wait(): number {
    return this.#begun.wait(ALL)
  }

  /** Calls back once when the next may begin; does nothing while somebody waits for that already. */
  whenFree(next: () => void): void {
    if (this.#timer !== undefined) return
    this.#timer = setTimeout(() => {
      this.#timer = undefined
      next()
    }, this.wait)
  }

  began(): void {
    this.#begun.owe(ALL, 1)
  }
}
