import assert from 'node:assert/strict'
import type { PeerId } from '@libp2p/interface'
import type { PacketChannel } from '../../src/waku/packet-channel.js'
import type { WakuInit } from '../../src/waku/settings.js'
import { WakuNode } from '../../src/waku/waku-node.js'
import { toHex } from '../../src/wire/bytes.js'
import { decodeEnvelope, type Envelope } from '../../src/wire/envelope/envelope.js'
import { decodeBatchAck, decodeMessageResponse, type Refusal } from '../../src/wire/packet/confirmation.js'
import { batchHash, encodeMessages, splitMessages } from '../../src/wire/packet/messages.js'
import { PacketCode } from '../../src/wire/packet/packet-code.js'
import { decodeStatusOptions, encodeStatusOptions, type StatusOptions } from '../../src/wire/packet/status.js'
import { silentLogger } from './logger.js'
import { type ChannelOptions, memoryChannels, newPeerId } from './memory-channel.js'
import { PacketInbox } from './packet-inbox.js'

const DEADLINE = 30_000

/** The other side of a conversation, driven by a test packet by packet. */
export class ScriptedPeer extends PacketInbox {
  readonly peer: PeerId
  readonly channel: PacketChannel

  constructor(channel: PacketChannel, peer: PeerId) {
    super(DEADLINE)
    this.channel = channel
    this.peer = peer
    void this.receive(channel.packets, () => undefined)
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
}

/** A waku service without a network, started. */
export async function loneNode(init: WakuInit = {}): Promise<WakuNode> {
  const node = new WakuNode({ peerId: await newPeerId(), logger: silentLogger() }, { pow: 0, ...init })
  await node.beforeStart()
  node.start()
  return node
}

/** A scripted peer in a conversation with `node`; the handshake is done unless `status` is null. */
export async function scriptedPeer(
  node: WakuNode,
  status: StatusOptions | null = {},
  options: { peer?: PeerId } & ChannelOptions = {}
): Promise<ScriptedPeer & { over: Promise<Error | undefined> }> {
  const { near, far } = await memoryChannels(options)
  const over = node.run(near)
  const peer = Object.assign(new ScriptedPeer(far, near.peer), { over })
  if (status !== null) await peer.shakeHands(status)
  return peer
}
