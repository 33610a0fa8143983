import type { Connection } from '@libp2p/interface'
import { StreamPacketChannel } from '../../src/libp2p/packet-channel.js'
import { PACKETS_PROTOCOL } from '../../src/libp2p/packet-protocol.js'
import { Limits } from '../../src/limits/limits.js'
import { toHex } from '../../src/wire/bytes.js'
import { BLOOM_BYTES } from '../../src/wire/envelope/bloom.js'
import type { Envelope } from '../../src/wire/envelope/envelope.js'
import { decodeBatchAck, decodeMessageResponse } from '../../src/wire/packet/confirmation.js'
import { batchHash, encodeMessages } from '../../src/wire/packet/messages.js'
import { PacketCode } from '../../src/wire/packet/packet-code.js'
import { encodeStatusOptions } from '../../src/wire/packet/status.js'
import type { Ledger } from './ledger.js'

interface Batch {
  hashes: Set<string>
  settle: () => void
}

const OPEN_MS = 20_000

/** A packets stream to the node; what it confirms and refuses goes into the ledger. */
export class Conversation {
  /** Resolves when it is over, however it ended. */
  readonly over: Promise<void>
  readonly #channel: StreamPacketChannel
  readonly #ledger: Ledger
  readonly #waiting = new Map<string, Batch>()
  #ended = false

  private constructor(channel: StreamPacketChannel, ledger: Ledger) {
    this.#channel = channel
    this.#ledger = ledger
    this.over = this.#read()
  }

  static async open(connection: Connection, ledger: Ledger): Promise<Conversation> {
    const signal = AbortSignal.timeout(OPEN_MS)
    const stream = await connection.newStream(PACKETS_PROTOCOL, { signal })
    const channel = new StreamPacketChannel(stream, { connection, limits: new Limits() })
    const nothing = new Uint8Array(BLOOM_BYTES)
    await channel.send(PacketCode.Status, encodeStatusOptions({ pow: 0, bloom: nothing, light: true }), { signal })
    return new Conversation(channel, ledger)
  }

  get ended(): boolean {
    return this.#ended
  }

  /** Sends a packet; resolves when it was answered, or the conversation is over. */
  async post(envelopes: readonly Envelope[]): Promise<void> {
    const body = encodeMessages(envelopes.map(({ raw }) => raw))
    for (const envelope of envelopes) this.#ledger.post(envelope)
    const answered = new Promise<void>(settle => {
      if (this.#ended) return settle()
      this.#waiting.set(toHex(batchHash(body)), { hashes: new Set(envelopes.map(({ hashHex }) => hashHex)), settle })
    })
    await this.#channel.send(PacketCode.Messages, body).catch(() => {})
    await answered
  }

  close(): void {
    this.#channel.abort(new Error('the client leaves'))
  }

  async #read(): Promise<void> {
    try {
      for await (const { code, body } of this.#channel.packets) {
        if (code === PacketCode.MessageResponse) this.#refused(body)
        else if (code === PacketCode.BatchAck) this.#acknowledged(toHex(decodeBatchAck(body)))
      }
    } catch {
      // the node was killed, or ended the conversation
    }
    this.#ended = true
    for (const { settle } of this.#waiting.values()) settle()
    this.#channel.abort(new Error('the conversation is over'))
  }

  #refused(body: Uint8Array): void {
    const { batch, refused } = decodeMessageResponse(body)
    const waiting = this.#waiting.get(toHex(batch))
    for (const { hash } of refused) if (waiting?.hashes.delete(toHex(hash)) === true) this.#ledger.refused++
  }

  #acknowledged(batch: string): void {
    const waiting = this.#waiting.get(batch)
    if (waiting === undefined) return
    this.#waiting.delete(batch)
    for (const hash of waiting.hashes) this.#ledger.acknowledge(hash)
    waiting.settle()
  }
}
