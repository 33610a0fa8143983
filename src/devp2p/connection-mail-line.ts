import type { PeerId } from '@libp2p/interface'
import { anySignal } from '../base/any-signal.js'
import type { MailExchangeOptions, MailLine } from '../waku/mail-exchange.js'
import type { Packet } from '../waku/packet-channel.js'
import type { AskingCodec } from '../wire/request/mail-codec.js'
import type { CapabilityChannel } from './capability-channel.js'
import type { Exchanges } from './exchanges.js'

/** A peer's connection as the line on which the client asks; others may ask on it too, in turn. */
export class ConnectionMailLine implements MailLine {
  readonly peer: PeerId
  readonly network = 'devp2p'
  readonly codec: AskingCodec
  readonly #channel: CapabilityChannel
  readonly #exchanges: Exchanges
  readonly #given = new AbortController()

  constructor(channel: CapabilityChannel, exchanges: Exchanges) {
    this.peer = channel.peer
    this.codec = channel.mail()
    this.#channel = channel
    this.#exchanges = exchanges
  }

  exchange(body: Uint8Array, options: MailExchangeOptions): AsyncGenerator<Packet, void> {
    const signal = anySignal([options.signal, this.#given.signal])
    return this.#exchanges.run(this.#channel, body, { ...options, signal })
  }

  /** The connection stays: it carries more than history. */
  async close(): Promise<void> {}

  abort(reason: Error): void {
    this.#given.abort(reason)
  }
}
