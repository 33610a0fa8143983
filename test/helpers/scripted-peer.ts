import assert from 'node:assert/strict'
import type { PeerId } from '@libp2p/interface'
import type { Packet, PacketChannel } from '../../src/waku/packet-channel.js'
import type { WakuInit } from '../../src/waku/settings.js'
import { WakuNode } from '../../src/waku/waku-node.js'
import { toHex } from '../../src/wire/bytes.js'
import { decodeBatchAck, decodeMessageResponse, type Refusal } from '../../src/wire/confirmation.js'
import { decodeEnvelope, type Envelope } from '../../src/wire/envelope.js'
import { batchHash, encodeMessages, splitMessages } from '../../src/wire/messages.js'
import { PacketCode } from '../../src/wire/packet-code.js'
import { decodeStatusOptions, encodeStatusOptions, type StatusOptions } from '../../src/wire/status.js'
import { silentLogger } from './logger.js'
import { memoryChannels, newPeerId } from './memory-channel.js'

const DEADLINE = 5_000

/** The other side of a conversation, driven by a test packet by packet. */
export class ScriptedPeer {
  readonly peer: PeerId
  readonly channel: PacketChannel
  /** Everything that came, in order. */
  readonly received: Packet[] = []
  /** How the conversation ended, once it did. */
  ended: Error | 'end' | undefined
  #taken = 0
  #stir: () => void = () => {}

  constructor(channel: PacketChannel, peer: PeerId) {
    this.channel = channel
    this.peer = peer
    void this.#read()
  }

  async #read(): Promise<void> {
    try {
      for await (const packet of this.channel.packets) {
        this.received.push(packet)
        this.#stir()
      }
      this.ended = 'end'
    } catch (err) {
      this.ended = err as Error
    }
    this.#stir()
  }

  /** Sends a Status and waits for the other side's. */
  async shakeHands(status: StatusOptions = {}): Promise<StatusOptions> {
    await this.send(PacketCode.Status, encodeStatusOptions(status))
    return decodeStatusOptions((await this.next(PacketCode.Status)).body)
  }

  send(code: number, body: Uint8Array): Promise<void> {
    return this.channel.send(code, body)
  }

  /** Sends Messages; resolves with the body's hash. */
  async sendEnvelopes(...raws: Array<Uint8Array | Envelope>): Promise<string> {
    const body = encodeMessages(raws.map(raw => (raw instanceof Uint8Array ? raw : raw.raw)))
    await this.send(PacketCode.Messages, body)
    return toHex(batchHash(body))
  }

  /** Sends Messages and waits for both confirmation packets; resolves with what was refused. */
  async confirm(...raws: Array<Uint8Array | Envelope>): Promise<Array<Omit<Refusal, 'hash'> & { hash: string }>> {
    const batch = await this.sendEnvelopes(...raws)
    const response = decodeMessageResponse((await this.next(PacketCode.MessageResponse)).body)
    assert.equal(toHex(response.batch), batch)
    assert.equal(toHex(decodeBatchAck((await this.next(PacketCode.BatchAck)).body)), batch)
    return response.refused.map(refusal => ({ ...refusal, hash: toHex(refusal.hash) }))
  }

  /** The next packet that was not taken yet; it has to have this code. */
  async next(code: number): Promise<Packet> {
    await this.#wait(() => this.received.length > this.#taken)
    const packet = this.received[this.#taken++]
    assert.ok(packet !== undefined, `the conversation ended (${this.ended}) where packet ${code} was expected`)
    assert.equal(packet.code, code)
    return packet
  }

  /** The envelopes of the next packet. */
  async nextEnvelopes(): Promise<Envelope[]> {
    return splitMessages((await this.next(PacketCode.Messages)).body).map(({ raw }) => decodeEnvelope(raw))
  }

  /** Envelopes of all packets so far, by hash. */
  get envelopes(): string[] {
    return this.received
      .filter(({ code }) => code === PacketCode.Messages)
      .flatMap(({ body }) => splitMessages(body).map(({ raw }) => decodeEnvelope(raw).hashHex))
  }

  /** Waits until the conversation is over. */
  async end(): Promise<Error | 'end'> {
    await this.#wait(() => this.ended !== undefined)
    return this.ended as Error | 'end'
  }

  async #wait(done: () => boolean): Promise<void> {
    const deadline = Date.now() + DEADLINE
    while (!done() && this.ended === undefined) {
      const left = deadline - Date.now()
      assert.ok(left > 0, `nothing came within ${DEADLINE} ms`)
      await new Promise<void>(resolve => {
        const timer = setTimeout(resolve, left)
        this.#stir = () => {
          clearTimeout(timer)
          resolve()
        }
      })
    }
  }
}

/** A waku service without a network, started. */
export async function loneNode(init: WakuInit = {}): Promise<WakuNode> {
  const node = new WakuNode({ peerId: await newPeerId(), logger: silentLogger() }, { pow: 0, ...init })
  node.start()
  return node
}

/** A scripted peer in a conversation with `node`; the handshake is done unless `status` is null. */
export async function scriptedPeer(
  node: WakuNode,
  status: StatusOptions | null = {},
  options: { peer?: PeerId; onMalformed?: 'abort' | 'ignore' } = {}
): Promise<ScriptedPeer & { over: Promise<Error | undefined> }> {
  const { near, far } = await memoryChannels(options)
  const over = node.run(near)
  const peer = Object.assign(new ScriptedPeer(far, near.peer), { over })
  if (status !== null) await peer.shakeHands(status)
  return peer
}
