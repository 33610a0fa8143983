import './libp2p-node.js'
import { generateKeyPair } from '@libp2p/crypto/keys'
import type { PeerId } from '@libp2p/interface'
import { peerIdFromPrivateKey } from '@libp2p/peer-id'
import { delay } from '../../src/base/delay.js'
import * as FIGURES from '../../src/limits/figures.js'
import type { Holder, MemoryBudget } from '../../src/limits/memory-budget.js'
import type { Origin } from '../../src/limits/origin.js'
import type { Judgement, Throttle } from '../../src/limits/throttle.js'
import type { Packet, PacketChannel } from '../../src/waku/packet-channel.js'
import { type StatusCodec, waku1Status } from '../../src/wire/packet/status-codec.js'

export async function newPeerId(): Promise<PeerId> {
  return peerIdFromPrivateKey(await generateKeyPair('secp256k1'))
}

export interface ChannelOptions {
  onMalformed?: 'abort' | 'ignore'
  address?: string
  /** What the peer sends in vain is paid for here before more of it is read, as on a network. */
  throttle?: Throttle
  /** What it sent and nobody pulled yet is counted here, beyond what each may have. */
  memory?: MemoryBudget
}

/** One end of a conversation in memory: packets that arrive queue up until they are pulled. */
export class MemoryChannel implements PacketChannel {
  readonly network = 'libp2p'
  readonly origin: Origin
  readonly status: StatusCodec = waku1Status
  readonly onMalformed: 'abort' | 'ignore'
  readonly peer: PeerId
  /** Why this end was aborted, by either side. */
  abortedWith: Error | undefined
  closed = false
  gone = false
  /** What the peer is said to have sent in vain. */
  bytesCharged = 0
  /** While set, sending waits for it: a peer that does not read. */
  gate: Promise<void> | undefined
  other!: MemoryChannel
  readonly #throttle: Throttle | undefined
  readonly #memory: MemoryBudget | undefined
  readonly #holder: Holder
  #queue: Packet[] = []
  readonly #over = new AbortController()
  #ended = false
  #wake: (() => void) | undefined

  constructor(peer: PeerId, { onMalformed = 'abort', address, throttle, memory }: ChannelOptions = {}) {
    this.peer = peer
    this.origin = { peer: peer.toString(), address: address ?? peer.toString() }
    this.onMalformed = onMalformed
    this.#throttle = throttle
    this.#memory = memory
    const evict = (): void => this.abort(new Error('too much of this address is not read yet'))
    this.#holder = { address: this.origin.address, bytes: 0, evict }
  }

  async send(code: number, body: Uint8Array): Promise<void> {
    if (this.gate !== undefined) await this.gate
    if (this.abortedWith !== undefined) throw this.abortedWith
    if (this.closed) throw new Error('closed for sending')
    this.other.arrive({ code, body: body.slice() })
  }

  readonly packets: AsyncIterable<Packet> = {
    [Symbol.asyncIterator]: () => ({ next: () => this.#next() })
  }

  judged(judgement: Judgement): void {
    this.bytesCharged += judgement.charge
    this.#throttle?.judge(this.origin, judgement)
  }

  async close(): Promise<void> {
    this.closed = true
    this.other.end()
  }

  abort(reason: Error): void {
    this.fail(reason)
    this.other.fail(new Error('reset by the peer'))
  }

  arrive(packet: Packet): void {
    this.#queue.push(packet)
    this.#hold()
    this.#stir()
  }

  end(): void {
    this.#ended = true
    this.#stir()
  }

  fail(reason: Error): void {
    this.abortedWith ??= reason
    this.gone = true
    this.#queue = []
    this.#hold()
    this.#over.abort()
    this.#stir()
  }

  #hold(): void {
    const bytes = this.#queue.reduce((sum, { body }) => sum + body.length, 0)
    this.#memory?.hold(this.#holder, Math.max(0, bytes - FIGURES.memory.perStream))
  }

  get waiting(): number {
    return this.#queue.length
  }

  #stir(): void {
    const wake = this.#wake
    this.#wake = undefined
    wake?.()
  }

  async #next(): Promise<IteratorResult<Packet>> {
    const wait = this.#throttle?.reserve(this.origin) ?? 0
    if (wait > 0) await delay(wait, { signal: this.#over.signal }).catch(() => {})
    for (;;) {
      if (this.abortedWith !== undefined) throw this.abortedWith
      const packet = this.#queue.shift()
      this.#hold()
      if (packet !== undefined) return { done: false, value: packet }
      if (this.#ended) return { done: true, value: undefined }
      await new Promise<void>(resolve => {
        this.#wake = resolve
      })
    }
  }
}

/** `near` is what the node under test runs, talking to `peer`; `far` is held by the test. */
export async function memoryChannels(
  options: { peer?: PeerId } & ChannelOptions = {}
): Promise<{ near: MemoryChannel; far: MemoryChannel }> {
  const near = new MemoryChannel(options.peer ?? (await newPeerId()), options)
  const far = new MemoryChannel(await newPeerId())
  near.other = far
  far.other = near
  return { near, far }
}
