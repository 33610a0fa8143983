import pDefer, { type DeferredPromise } from 'p-defer'
import * as FIGURES from '../limits/figures.js'
import { BusyConnectionError } from './errors.js'

export interface SendOptions {
  signal?: AbortSignal | undefined
  /**
   * Waits until what is queued, this message included, stays below what senders wait for, so that bulk never keeps other
   * messages waiting for more than that.
   */
  bulk?: boolean | undefined
}

interface Waiting {
  message: readonly Uint8Array[]
  bulk: boolean
  turn: DeferredPromise<void>
}

interface Writer {
  /** Bytes that have not left yet. */
  readonly queued: number
  send(message: readonly Uint8Array[]): void
}

/** Where messages wait, first come first served, until the peer has read what was sent before. */
export class SendLine {
  readonly #writer: Writer
  #waiting: Waiting[] = []
  #ended: Error | undefined

  constructor(writer: Writer) {
    this.#writer = writer
  }

  /** Whether the peer has read enough of what was sent before. */
  get open(): boolean {
    return this.#writer.queued < FIGURES.devp2p.sendAhead
  }

  /** Resolves when the message was handed over. */
  async send(message: readonly Uint8Array[], { signal, bulk = false }: SendOptions): Promise<void> {
    signal?.throwIfAborted()
    if (this.#ended !== undefined) throw this.#ended
    if (this.#waiting.length === 0 && this.#admits(message, bulk)) {
      this.#writer.send(message)
      return
    }
    if (this.#waiting.length >= FIGURES.devp2p.sendersWaiting)
      throw new BusyConnectionError('too many messages wait to be sent')
    const waiting = { message, bulk, turn: pDefer<void>() }
    const onAbort = (): void => {
      const at = this.#waiting.indexOf(waiting)
      if (at < 0) return
      this.#waiting.splice(at, 1)
      waiting.turn.reject(signal?.reason)
    }
    signal?.addEventListener('abort', onAbort)
    this.#waiting.push(waiting)
    try {
      await waiting.turn.promise
    } finally {
      signal?.removeEventListener('abort', onAbort)
    }
  }

  /** Something has left. */
  progress(): void {
    for (let next = this.#waiting[0]; next !== undefined; next = this.#waiting[0]) {
      if (!this.#admits(next.message, next.bulk)) return
      this.#waiting.shift()
      try {
        this.#writer.send(next.message)
        next.turn.resolve()
      } catch (error) {
        next.turn.reject(error)
      }
    }
  }

  #admits(message: readonly Uint8Array[], bulk: boolean): boolean {
    const { queued } = this.#writer
    if (!bulk || queued === 0) return queued < FIGURES.devp2p.sendAhead
    return message.reduce((sum, part) => sum + part.length, queued) <= FIGURES.devp2p.sendAhead
  }

  end(error: Error): void {
    this.#ended ??= error
    for (const { turn } of this.#waiting.splice(0)) turn.reject(error)
  }
}
