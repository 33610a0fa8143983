import * as FIGURES from '../limits/figures.js'
import type { Packet } from '../waku/packet-channel.js'
import { PacketCode } from '../wire/packet/packet-code.js'

/** One request of ours and what the peer sends after it: a bounded buffer between the connection and who asked. */
export class Exchange {
  readonly #id: Uint8Array
  #held: Packet[] = []
  #bytes = 0
  #over: { error?: Error } | undefined
  #dropping = false
  #complete = false
  #dropped = 0
  /** When the last packet came, ms; before the first one, when this began. */
  #last: number = performance.now()
  #wakeReader: (() => void) | undefined
  #wakeWriter: (() => void) | undefined
  #onComplete: (() => void) | undefined

  /** @param id 32 bytes: the completion of this request holds them, however it is written */
  constructor(id: Uint8Array) {
    this.#id = id
  }

  get complete(): boolean {
    return this.#complete
  }

  /** Whether the peer goes on with what is not wanted any more: something of it came within so many milliseconds. */
  stillComing(ms: number): boolean {
    return this.#dropped > 0 && !this.#quietFor(ms)
  }

  /** The connection's side: a 0x7f or 0x7d. Resolves when there is room for more; false when it was dropped. */
  async take(packet: Packet): Promise<boolean> {
    this.#last = performance.now()
    if (packet.code === PacketCode.RequestComplete && includes(packet.body, this.#id)) {
      this.#complete = true
      this.#onComplete?.()
    }
    if (this.#dropping) {
      this.#dropped++
      return false
    }
    this.#held.push(packet)
    this.#bytes += packet.body.length
    this.#wakeReader?.()
    while (this.#bytes > FIGURES.devp2p.readAhead && !this.#dropping && this.#over === undefined) {
      await new Promise<void>(resolve => {
        this.#wakeWriter = resolve
      })
    }
    return true
  }

  /** The connection's side: nothing will come any more. */
  end(error: Error): void {
    this.#over ??= { error }
    this.#stir()
    this.#onComplete?.()
  }

  /** The asker's side: the next packet; undefined when nothing came for `quiet` ms. */
  async next(signal: AbortSignal, quiet: number | undefined): Promise<Packet | undefined> {
    for (;;) {
      signal.throwIfAborted()
      const packet = this.#held.shift()
      if (packet !== undefined) {
        this.#bytes -= packet.body.length
        this.#wakeWriter?.()
        return packet
      }
      if (this.#over?.error !== undefined) throw this.#over.error
      if (await this.#stillQuiet(signal, quiet)) return undefined
    }
  }

  /**
   * Drops what is held and what comes; resolves when the completion came, or the connection ended, or after `ms`, or
   * (where no completion may come) when nothing came for `quiet` ms. False when it did not end by itself.
   */
  async drain(ms: number, quiet: number | undefined): Promise<boolean> {
    this.#dropping = true
    this.#held = []
    this.#bytes = 0
    this.#stir()
    const until = performance.now() + ms
    while (!this.#complete && this.#over === undefined) {
      const left = until - performance.now()
      if (quiet !== undefined && this.#quietFor(quiet)) return true
      if (left <= 0) return false
      await this.#completion(Math.min(left, quiet ?? left))
    }
    return true
  }

  #quietFor(ms: number): boolean {
    return performance.now() - this.#last >= ms
  }

  async #completion(ms: number): Promise<void> {
    let timer: ReturnType<typeof setTimeout> | undefined
    await new Promise<void>(resolve => {
      this.#onComplete = resolve
      timer = setTimeout(resolve, ms)
    })
    clearTimeout(timer)
  }

  async #stillQuiet(signal: AbortSignal, quiet: number | undefined): Promise<boolean> {
    let timer: ReturnType<typeof setTimeout> | undefined
    let onAbort: (() => void) | undefined
    const timedOut = await new Promise<boolean>(resolve => {
      this.#wakeReader = () => resolve(false)
      onAbort = () => resolve(false)
      signal.addEventListener('abort', onAbort, { once: true })
      if (quiet !== undefined) timer = setTimeout(() => resolve(true), quiet)
    })
    clearTimeout(timer)
    if (onAbort !== undefined) signal.removeEventListener('abort', onAbort)
    this.#wakeReader = undefined
    return timedOut
  }

  #stir(): void {
    this.#wakeReader?.()
    this.#wakeWriter?.()
  }
}

function includes(body: Uint8Array, id: Uint8Array): boolean {
  for (let at = 0; at + id.length <= body.length; at++) {
    if (id.every((byte, i) => body[at + i] === byte)) return true
  }
  return false
}
