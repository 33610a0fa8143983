import * as FIGURES from '../limits/figures.js'
import type { IncomingRequest, RequestHandler } from '../waku/mail-exchange.js'

/** The history requests of one peer: answered strictly in turn, each in full before the next is looked at. */
export class RequestQueue {
  readonly #handler: RequestHandler
  readonly #signal: AbortSignal
  #waiting: IncomingRequest[] = []
  #running: Promise<void> | undefined
  #wake: (() => void)[] = []

  /** @param signal aborted when the peer is gone */
  constructor(handler: RequestHandler, signal: AbortSignal) {
    this.#handler = handler
    this.#signal = signal
    signal.addEventListener('abort', () => this.#stir(), { once: true })
  }

  /** Takes a request; resolves when there is room for another one. */
  async push(request: IncomingRequest): Promise<void> {
    this.#waiting.push(request)
    this.#running ??= this.#run()
    while (this.#waiting.length > FIGURES.request.waiting && !this.#signal.aborted) {
      await new Promise<void>(resolve => this.#wake.push(resolve))
    }
  }

  /** Resolves when everything that was asked so far is answered. */
  async idle(): Promise<void> {
    await this.#running
  }

  async #run(): Promise<void> {
    for (let request = this.#waiting.shift(); request !== undefined; request = this.#waiting.shift()) {
      this.#stir()
      if (this.#signal.aborted) break
      await this.#handler(request)
    }
    this.#waiting = []
    this.#running = undefined
    this.#stir()
  }

  #stir(): void {
    for (const wake of this.#wake.splice(0)) wake()
  }
}
