import type { PeerId } from '@libp2p/interface'
import { releaseLarge } from '../base/release.js'
import type { Origin } from '../limits/origin.js'
import type { Judgement } from '../limits/throttle.js'
import type { Packet, PacketChannel } from '../waku/packet-channel.js'
import { MalformedError } from '../wire/errors.js'
import { isPositionalWaku0, isShortShh6 } from '../wire/packet/legacy-status.js'
import { PacketCode } from '../wire/packet/packet-code.js'
import type { StatusCodec } from '../wire/packet/status-codec.js'
import type { Capability } from '../wire/request/dialect.js'
import { legacyMail } from '../wire/request/legacy-mail.js'
import type { MailCodec } from '../wire/request/mail-codec.js'
import { type CapabilityStream, MAX_BODY } from './capability-stream.js'
import { type CapabilityTraits, limitOf, traitsOf } from './capability-traits.js'
import type { RlpxConnection } from './rlpx-connection.js'

/** What the channels of one connection share. */
export interface ChannelHost {
  readonly peer: PeerId
  readonly connection: Pick<RlpxConnection, 'signal' | 'origin' | 'judged'>
  /** Takes a packet of the history codes; awaited before the next packet is read. */
  takeMail(channel: CapabilityChannel, packet: Packet): Promise<void>
  /** One of the channels has nothing more to send. */
  leave(channel: CapabilityChannel, options: { signal?: AbortSignal | undefined }): Promise<void>
  abort(reason: Error): void
}

/** One capability of one connection, as the conversation that the waku service runs. */
export class CapabilityChannel implements PacketChannel {
  readonly peer: PeerId
  readonly network = 'devp2p'
  readonly origin: Origin
  readonly capability: Capability
  readonly status: StatusCodec
  readonly onMalformed: 'abort' | 'ignore'
  readonly packets: AsyncIterable<Packet>
  readonly secondary: boolean
  readonly #stream: CapabilityStream
  readonly #host: ChannelHost
  #ready = false
  #short = false
  #positional = false

  /** @param primary for a secondary one: resolves when the other one had its handshake; until then nothing is read here */
  constructor(stream: CapabilityStream, host: ChannelHost, primary?: Promise<void>) {
    const traits: CapabilityTraits = traitsOf(stream.name, stream.version)
    this.peer = host.peer
    this.origin = host.connection.origin
    this.capability = traits.id
    this.status = traits.status
    this.onMalformed = traits.onMalformed
    this.#stream = stream
    stream.limitOf = limitOf
    this.#host = host
    this.secondary = primary !== undefined
    this.packets = this.#read(primary)
  }

  get gone(): boolean {
    return this.#host.connection.signal.aborted
  }

  /** Both sides have the other's Status. */
  get ready(): boolean {
    return this.#ready
  }

  /** The peer reads nothing from our Status, only from single wishes (early waku/0). */
  get wishesOnly(): boolean {
    return this.#positional
  }

  /** From here on large packets and history are taken. */
  markReady(): void {
    this.#ready = true
    // old programs send their whole pool in one packet
    this.#stream.maxBody = MAX_BODY
  }

  /** How this peer asks for history and is asked for it; to be called once its Status is known. */
  mail(options: Omit<Parameters<typeof legacyMail>[0], 'capability' | 'short'> = {}): MailCodec {
    return legacyMail({ ...options, capability: this.capability, short: this.#short })
  }

  send(code: number, body: Uint8Array, options: { signal?: AbortSignal } = {}): Promise<void> {
    return this.#stream.send(code, body, options)
  }

  /** Sends a packet of an answer: history waits, so that it never keeps anything else waiting for long. */
  answer(code: number, body: Uint8Array | readonly Uint8Array[], options: { signal: AbortSignal }): Promise<void> {
    return this.#stream.send(code, body, { ...options, bulk: code === PacketCode.P2PMessage })
  }

  /** Ends the connection, once its other conversations are to end too and what is being answered is. */
  close(options: { signal?: AbortSignal } = {}): Promise<void> {
    return this.#host.leave(this, options)
  }

  judged(judgement: Judgement): void {
    this.#host.connection.judged(judgement)
  }

  /** What is kept of envelopes has memory of its own. */
  giveBack({ code, body }: Packet): void {
    if (code === PacketCode.Messages) releaseLarge(body)
  }

  abort(reason: Error): void {
    this.#host.abort(reason)
  }

  /** Pulled by the service, so that a slow one slows the peer; history is dealt with on the way. */
  async *#read(primary: Promise<void> | undefined): AsyncGenerator<Packet, void> {
    await primary
    for await (const packet of this.#stream.messages) {
      if (!this.#ready) {
        if (packet.code === PacketCode.Status) this.#greet(packet.body)
        yield packet
      } else if (packet.code < PacketCode.RequestComplete) {
        yield packet
      } else {
        await this.#host.takeMail(this, packet)
      }
    }
  }

  /** What of a Status is no option but tells which program sent it. */
  #greet(body: Uint8Array): void {
    try {
      this.#short = this.capability === 'shh/6' && isShortShh6(body)
      this.#positional = this.capability === 'waku/0' && isPositionalWaku0(body)
    } catch (error) {
      // who reads it next says so
      if (!(error instanceof MalformedError)) throw error
    }
  }
}
