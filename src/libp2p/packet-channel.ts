import type { Connection, PeerId, Stream } from '@libp2p/interface'
import { pipe } from 'it-pipe'
import { anySignal } from '../base/any-signal.js'
import { delay } from '../base/delay.js'
import { releaseLarge } from '../base/release.js'
import type { LimitCounts } from '../limits/counts.js'
import * as FIGURES from '../limits/figures.js'
import type { Limits } from '../limits/limits.js'
import type { Origin } from '../limits/origin.js'
import type { Judgement, Throttle } from '../limits/throttle.js'
import type { Packet, PacketChannel } from '../waku/packet-channel.js'
import { PacketCode } from '../wire/packet/packet-code.js'
import { type StatusCodec, waku1Status } from '../wire/packet/status-codec.js'
import { defaultFrameLimit, type FrameLimit, LARGE_FRAME } from './frame-buffer.js'
import { FrameMemoryError, FrameTimeoutError, FrameTooLargeError } from './frame-errors.js'
import { FrameStream } from './frame-stream.js'
import { rest } from './rest.js'
import { originOf } from './stream-budget.js'

/** Packets that hold many envelopes, or name them. */
const LARGE = new Set<number>([PacketCode.Messages, PacketCode.MessageResponse])

function untilStatus(): FrameLimit {
  let met = false
  return code => {
    met ||= code === PacketCode.Status
    const most = defaultFrameLimit(code)
    return met && LARGE.has(code) ? most : Math.min(most, FIGURES.streams.packets.maxFirstFrame)
  }
}

/** A packets stream as the conversation that the waku service runs. It may be silent for ever. */
export class StreamPacketChannel implements PacketChannel {
  readonly peer: PeerId
  readonly network = 'libp2p'
  readonly origin: Origin
  readonly status: StatusCodec = waku1Status
  readonly onMalformed = 'abort'
  readonly packets: AsyncIterable<Packet>
  readonly #frames: FrameStream
  readonly #throttle: Throttle
  readonly #counts: LimitCounts
  readonly #connection: Connection
  #closing: Promise<void> | undefined

  constructor(
    stream: Stream,
    { connection, limits: { throttle, memory, counts } }: { connection: Connection; limits: Limits }
  ) {
    const origin = originOf(connection)
    this.peer = connection.remotePeer
    this.origin = origin
    this.#connection = connection
    this.#throttle = throttle
    this.#counts = counts
    const evict = (): void => this.abort(new FrameMemoryError('too much of this address is not read yet'))
    const holder = { address: origin.address, bytes: 0, evict }
    this.#frames = new FrameStream(stream, {
      writeTimeout: FIGURES.streams.write,
      maxFrame: untilStatus(),
      highWater: FIGURES.libp2p.readAhead,
      window: FIGURES.libp2p.window,
      holds: bytes => memory.hold(holder, bytes)
    })
    this.packets = pipe(this.#frames.packets, packets => this.#throttled(packets))
  }

  get ended(): boolean {
    return this.#frames.ended
  }

  get gone(): boolean {
    return this.#frames.signal.aborted
  }

  send(code: number, body: Uint8Array, options: { signal?: AbortSignal } = {}): Promise<void> {
    return this.#frames.send(code, body, options)
  }

  judged(judgement: Judgement): void {
    this.#throttle.judge(this.origin, judgement)
  }

  lend({ body }: Packet): void {
    this.#frames.lend(body.length)
  }

  giveBack({ code, body }: Packet): void {
    this.#frames.lend(-body.length)
    // what is kept of envelopes has memory of its own; so has a large frame, while others lie in what their connection brought
    if (code === PacketCode.Messages && body.length > LARGE_FRAME) releaseLarge(body)
  }

  /** Ends this side; what the peer still sends is delivered until it ends its side, or for 2 s. */
  close(options: { signal?: AbortSignal } = {}): Promise<void> {
    this.#closing ??= this.#close(options.signal)
    return this.#closing
  }

  abort(reason: Error): void {
    this.#frames.abort(reason)
  }

  async *#throttled(packets: AsyncIterable<Packet>): AsyncGenerator<Packet, void> {
    try {
      for await (const packet of packets) {
        yield packet
        const wait = this.#throttle.reserve(this.origin)
        if (wait === 0) continue
        this.#counts.add('slowed_packet')
        // whoever has to wait and goes away instead is read no further
        if (this.gone) return
        // for what others of its address sent it waits here only, and may ask for history meanwhile
        const own = this.#throttle.ofPeer(this.origin.peer)
        if (own > 0) rest(this.#connection, own)
        await delay(wait, { signal: this.#frames.signal }).catch(() => {})
      }
    } catch (err) {
      if (err instanceof FrameTooLargeError) this.#counts.add('refused_packet')
      throw err
    }
  }

  async #close(outer: AbortSignal | undefined): Promise<void> {
    const over = this.#frames.signal
    if (over.aborted) return
    const deadline = AbortSignal.timeout(FIGURES.streams.packets.close)
    const signal = outer === undefined ? deadline : anySignal([outer, deadline])
    try {
      await this.#frames.closeWrite({ signal })
      await new Promise<void>((resolve, reject) => {
        if (over.aborted) return resolve()
        const settle = (act: () => void): void => {
          over.removeEventListener('abort', onOver)
          signal.removeEventListener('abort', onDeadline)
          act()
        }
        const onOver = (): void => settle(resolve)
        const onDeadline = (): void => settle(() => reject(signal.reason))
        over.addEventListener('abort', onOver)
        signal.addEventListener('abort', onDeadline)
        if (signal.aborted) onDeadline()
      })
    } catch {
      this.abort(new FrameTimeoutError('the peer did not close its side'))
    }
  }
}
