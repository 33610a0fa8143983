import * as FIGURES from '../limits/figures.js'
import type { SharedCapability } from './capability.js'
import type { SendOptions } from './send-line.js'

/** One message of a capability: its code, counted from the capability's own 0, and its body, decompressed. */
export interface CapabilityMessage {
  code: number
  body: Uint8Array
}

/** What a stream needs of its connection. */
export interface StreamHost {
  send(id: number, body: readonly Uint8Array[], options: SendOptions): Promise<void>
  /** Received messages are held or no longer held, so many bytes more or less. */
  holds(bytes: number): void
  /** The size that is accepted was set, or will not be for the messages delivered so far. */
  decided(): void
}

/** No body is larger than this once decompressed (EIP-706). */
export const MAX_BODY: number = FIGURES.devp2p.maxBody
/** What a capability accepts until its reader says more: a Status fits, a flood does not. */
export const INITIAL_MAX_BODY: number = FIGURES.devp2p.maxFirstBody

/** The messages of one capability on a connection, in both directions. */
export class CapabilityStream {
  readonly name: string
  readonly version: number
  /** How many codes there are. */
  readonly length: number
  /** What the peer sends, in order, pulled: while nothing is taken, nothing more is read from the peer. One consumer. */
  readonly messages: AsyncIterable<CapabilityMessage>
  readonly #offset: number
  readonly #host: StreamHost
  #limit = INITIAL_MAX_BODY
  #held: CapabilityMessage[] = []
  #next = 0
  #wake: (() => void) | undefined
  #ended: { error: Error | undefined } | undefined
  #abandoned = false
  #limitSet = false
  #begun = false
  /** The consumer has a message in hand that may make it accept larger ones. */
  #deciding = false

  constructor(capability: SharedCapability, host: StreamHost) {
    this.name = capability.name
    this.version = capability.version
    this.length = capability.length
    this.#offset = capability.offset
    this.#host = host
    this.messages = this.#read()
  }

  /**
   * The largest body accepted, in bytes, at most 16 MiB; a peer that sends a larger one is disconnected. A message that
   * is too large waits for the consumer to be through with those before it, so that the answer to one can allow the next.
   */
  get maxBody(): number {
    return this.#limit
  }

  set maxBody(bytes: number) {
    this.#limit = Math.min(bytes, MAX_BODY)
    this.#limitSet = true
    this.#decided()
  }

  /** The largest body that a message of a code can have, in bytes; larger ones are dropped. The reader sets it. */
  limitOf: (code: number) => number = () => MAX_BODY

  /**
   * Sends one message; resolves when it is queued and the peer reads fast enough to send more.
   *
   * @param body in one piece or in parts, which are joined without a copy in between
   * @throws DisconnectError or what else ended the connection; the signal's reason; RangeError for an unknown code
   */
  async send(code: number, body: Uint8Array | readonly Uint8Array[], options: SendOptions = {}): Promise<void> {
    if (!(code >= 0 && code < this.length)) throw new RangeError(`${this.name}/${this.version} has no code ${code}`)
    await this.#host.send(this.#offset + code, body instanceof Uint8Array ? [body] : body, options)
  }

  /** Whether the peer has said something. */
  get begun(): boolean {
    return this.#begun
  }

  /** Whether a message that is too large now may be welcome in a moment. */
  get deciding(): boolean {
    return this.#deciding
  }

  /** Takes no message any more: what comes is dropped, and other streams of the connection are not held up. */
  ignore(): void {
    this.#abandoned = true
    for (const message of this.#held.slice(this.#next)) this.#host.holds(-costOf(message))
    this.#held = []
    this.#next = 0
    this.#decided()
    this.end(undefined)
  }

  /** The connection's side: keeps a message for the consumer. */
  deliver(code: number, body: Uint8Array): void {
    this.#begun = true
    if (this.#abandoned || this.#ended !== undefined) return
    const message = { code, body }
    this.#held.push(message)
    this.#host.holds(costOf(message))
    this.#deciding = !this.#limitSet
    this.#wake?.()
  }

  /** The connection's side: no message follows; what is held is still delivered unless it is to be dropped. */
  end(error: Error | undefined, options: { drop?: boolean } = {}): void {
    if (options.drop === true) {
      this.#held = []
      this.#next = 0
    }
    this.#ended ??= { error }
    this.#wake?.()
  }

  async *#read(): AsyncGenerator<CapabilityMessage> {
    try {
      for (;;) {
        const message = this.#held[this.#next]
        if (message !== undefined) {
          this.#next++
          if (this.#next === this.#held.length) {
            this.#held = []
            this.#next = 0
          }
          const cost = costOf(message)
          try {
            yield message
          } finally {
            // held until the consumer is through with it, and may have released it
            this.#host.holds(-cost)
          }
          if (this.#deciding && this.#held.length === 0) this.#decided()
        } else if (this.#ended !== undefined) {
          if (this.#ended.error !== undefined) throw this.#ended.error
          return
        } else {
          await new Promise<void>(resolve => {
            this.#wake = resolve
          })
          this.#wake = undefined
        }
      }
    } finally {
      this.ignore()
    }
  }

  #decided(): void {
    this.#deciding = false
    this.#host.decided()
  }
}

function costOf(message: CapabilityMessage): number {
  return message.body.length + FIGURES.devp2p.message
}
