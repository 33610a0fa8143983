import type { SharedCapability } from './capability.js'

/** One message of a capability: its code, counted from the capability's own 0, and its body, decompressed. */
export interface CapabilityMessage {
  code: number
  body: Uint8Array
}

/** What a stream needs of its connection. */
export interface StreamHost {
  send(id: number, body: readonly Uint8Array[], signal: AbortSignal | undefined): Promise<void>
  /** Received messages are held or no longer held, so many bytes more or less. */
  holds(bytes: number): void
  /** The size that is accepted changed. */
  limitChanged(): void
}

/** What a held message costs beside its bytes. */
const MESSAGE_OVERHEAD = 256

/** Counted as held while the consumer deals with a message that may change what is accepted next. */
const GATE = Number.MAX_SAFE_INTEGER / 2 ** 10

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
  #limit: number
  #held: CapabilityMessage[] = []
  #next = 0
  #wake: (() => void) | undefined
  #ended: { error: Error | undefined } | undefined
  #abandoned = false
  /** Until the limit was set, one message at a time: the next may be as large as the answer to this one allows. */
  #oneByOne = true
  #gated = false

  constructor(capability: SharedCapability, host: StreamHost, limit: number) {
    this.name = capability.name
    this.version = capability.version
    this.length = capability.length
    this.#offset = capability.offset
    this.#host = host
    this.#limit = limit
    this.messages = this.#read()
  }

  /** The largest body accepted, in bytes; a peer that sends a larger one is disconnected. */
  get maxBody(): number {
    return this.#limit
  }

  set maxBody(bytes: number) {
    this.#limit = bytes
    this.#host.limitChanged()
    this.#oneByOne = false
    this.#openGate()
  }

  /**
   * Sends one message; resolves when it is queued and the peer reads fast enough to send more.
   *
   * @param body in one piece or in parts, which are joined without a copy in between
   * @throws DisconnectError or what else ended the connection; the signal's reason; RangeError for an unknown code
   */
  async send(
    code: number,
    body: Uint8Array | readonly Uint8Array[],
    options: { signal?: AbortSignal | undefined } = {}
  ): Promise<void> {
    if (!(code >= 0 && code < this.length)) throw new RangeError(`${this.name}/${this.version} has no code ${code}`)
    await this.#host.send(this.#offset + code, body instanceof Uint8Array ? [body] : body, options.signal)
  }

  /** Takes no message any more: what comes is dropped, and other streams of the connection are not held up. */
  ignore(): void {
    this.#abandoned = true
    for (const message of this.#held.slice(this.#next)) this.#host.holds(-costOf(message))
    this.#held = []
    this.#next = 0
    this.#openGate()
    this.end(undefined)
  }

  /** The connection's side: keeps a message for the consumer. */
  deliver(code: number, body: Uint8Array): void {
    if (this.#abandoned || this.#ended !== undefined) return
    const message = { code, body }
    this.#held.push(message)
    this.#host.holds(costOf(message))
    if (this.#oneByOne && !this.#gated) {
      this.#gated = true
      this.#host.holds(GATE)
    }
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
          this.#host.holds(-costOf(message))
          yield message
          if (this.#held.length === 0) this.#openGate()
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

  #openGate(): void {
    if (!this.#gated) return
    this.#gated = false
    this.#host.holds(-GATE)
  }
}

function costOf(message: CapabilityMessage): number {
  return message.body.length + MESSAGE_OVERHEAD
}
