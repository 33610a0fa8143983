import type { Stream, StreamCloseEvent, StreamMessageEvent } from '@libp2p/interface'
import { anySignal } from '../base/any-signal.js'
import { turnIsOver } from '../base/loop-turn.js'
import { pause } from '../base/pause.js'
import * as FIGURES from '../limits/figures.js'
import type { Packet } from '../waku/packet-channel.js'
import { decodeFrame, encodeFrame } from '../wire/packet/packet-frame.js'
import { FrameBuffer, type FrameLimit } from './frame-buffer.js'
import { FrameStreamClosedError, FrameTimeoutError, FrameTruncatedError } from './frame-errors.js'
import { narrow, onArrivalWhilePaused } from './sent-ahead.js'
import { drained, finished } from './stream-waits.js'

export interface FrameStreamInit {
  /**
   * How long a frame may be, by its code; asked before the body is buffered.
   *
   * @default 16 KiB for 0x7d and 0x7e, 1 MiB + 16 for the rest
   */
  maxFrame?: FrameLimit | undefined
  /**
   * Stop reading from the network once this many bytes wait and a whole frame is among them.
   *
   * @default 262144
   */
  highWater?: number | undefined
  /**
   * Told how many bytes there are above 16 KiB that are not read or not dealt with, whenever that changes. May end the stream.
   *
   * @default nobody
   */
  holds?: ((bytes: number) => void) | undefined
  /**
   * What the peer may send ahead, in bytes, where the muxer would let it have more in time: at least 256 KiB.
   *
   * @default as the muxer is set
   */
  window?: number | undefined
  /**
   * How long the reader waits for the next frame to begin, in ms.
   *
   * @default for ever
   */
  readTimeout?: number | undefined
  /**
   * How long a frame that has begun may take per 16 KiB, in ms.
   *
   * @default 60000
   */
  stallTimeout?: number | undefined
  /**
   * How long the peer may take none of what is being sent, in ms.
   *
   * @default for ever
   */
  writeTimeout?: number | undefined
  /**
   * How long `close` waits for the peer to close its side, in ms.
   *
   * @default 5000
   */
  closeTimeout?: number | undefined
}

/**
 * Packet frames over a libp2p stream: `varint length ‖ RLP([code, body])`, with backpressure both ways.
 *
 * Reading is pulled by one consumer of `packets`. It ends when the peer closed its side and everything it sent was
 * delivered; it throws, and the stream is reset, on a bad frame or a timeout; when the peer reset the stream, or the
 * connection broke, it throws behind the whole frames that had come.
 * Leaving the loop early leaves the stream open: close or abort it.
 */
export class FrameStream {
  /** Aborted when the stream is over in both directions, however it ended. */
  readonly signal: AbortSignal
  readonly #stream: Stream
  readonly #buffer: FrameBuffer
  readonly #init: FrameStreamInit
  readonly #over = new AbortController()
  #error: Error | undefined
  /** By this side: nothing more is delivered. */
  #aborted = false
  #ended = false
  #resuming = false
  #received = 0
  /** Bytes of what was delivered and is not dealt with. */
  #lent = 0
  #wake: (() => void) | undefined
  #timer: ReturnType<typeof setTimeout> | undefined

  constructor(stream: Stream, init: FrameStreamInit = {}) {
    this.#stream = stream
    this.#init = init
    this.#buffer = new FrameBuffer(init.maxFrame)
    this.signal = this.#over.signal
    // A paused yamux stream may still be sent a whole window; its own limit is the muxer's, so memory stays bounded by that
    stream.maxReadBufferLength = Math.max(
      stream.maxReadBufferLength,
      FIGURES.streams.largestWindow + FIGURES.streams.highWater
    )
    if (stream.status === 'aborted' || stream.status === 'reset') {
      this.#fail(new FrameStreamClosedError('the stream was reset before it could be read'))
      return
    }
    if (init.window !== undefined) narrow(stream, init.window)
    if (init.holds !== undefined) onArrivalWhilePaused(stream, () => this.#tellHeld())
    this.#noteEnd()
    if (stream.status === 'closed') this.#over.abort(new FrameStreamClosedError('the stream is closed'))
    stream.addEventListener('message', this.#onMessage)
    stream.addEventListener('end', this.#onEnd)
    stream.addEventListener('close', this.#onClose)
  }

  /** Whether the peer closed its side; what it sent before may still wait to be read. */
  get ended(): boolean {
    return this.#stream.remoteWriteStatus === 'closed'
  }

  /** Incoming packets in order. One consumer; a slow one slows the peer. Bodies are raw RLP. */
  readonly packets: AsyncIterable<Packet> = {
    [Symbol.asyncIterator]: (): AsyncIterator<Packet> => ({
      next: () => this.#next(),
      return: async () => ({ done: true, value: undefined })
    })
  }

  /**
   * Sends one packet and waits until the stream wants more. Callers that need an order await each send. An abort stops
   * the waiting only: the frame was handed over whole.
   *
   * @throws {FrameStreamClosedError} when this side is closed
   * @throws {FrameTimeoutError} when the peer takes nothing for `writeTimeout`; the stream is reset
   */
  async send(
    code: number,
    body: Uint8Array | readonly Uint8Array[],
    options: { signal?: AbortSignal | undefined } = {}
  ): Promise<void> {
    // one contiguous buffer: a write per part costs several times more than the copy
    const frame = encodeFrame(code, body)
    while (this.#stream.writableNeedsDrain) await this.#drained(options.signal)
    options.signal?.throwIfAborted()
    if (this.#error !== undefined) throw this.#error
    if (this.#stream.writeStatus !== 'writable') throw new FrameStreamClosedError('the stream is closed for writing')
    if (this.#stream.send(frame)) return
    while (this.#stream.writableNeedsDrain) await this.#drained(options.signal)
  }

  /** Ends this side after what was sent has left; the peer may go on sending. */
  async closeWrite(options: { signal?: AbortSignal | undefined } = {}): Promise<void> {
    try {
      await this.#stream.close(options.signal === undefined ? {} : { signal: options.signal })
    } catch (cause) {
      // a stream that ends meanwhile rejects with an event
      if (cause instanceof Error) throw cause
      throw (cause as { error?: Error }).error ?? new FrameStreamClosedError('the stream closed before all was sent')
    }
  }

  /** Ends this side, drops what still arrives, and resets the stream when the peer does not close its side in time. */
  async close(options: { signal?: AbortSignal | undefined } = {}): Promise<void> {
    if (this.signal.aborted) return
    const deadline = AbortSignal.timeout(this.#init.closeTimeout ?? FIGURES.streams.close)
    const signal = options.signal === undefined ? deadline : anySignal([options.signal, deadline])
    try {
      this.#discard()
      await this.closeWrite({ signal })
      await finished(this.#stream, this.signal, signal)
    } catch {
      this.abort(new FrameTimeoutError('the peer did not close its side'))
    }
  }

  /** Resets the stream; whoever reads or sends gets `reason`. */
  abort(reason: Error): void {
    this.#aborted = true
    this.#buffer.clear()
    this.#tellHeld()
    this.#fail(reason)
    this.#stream.abort(reason)
  }

  readonly #onMessage = (event: StreamMessageEvent): void => {
    if (this.#aborted) return
    const data = event.data
    this.#received += data.byteLength
    if (data instanceof Uint8Array) this.#buffer.push(data)
    else for (const chunk of data) this.#buffer.push(chunk)
    this.#pauseIfFull()
    this.#noteEnd()
    this.#tellHeld()
    this.#wakeReader()
  }

  /** Bytes that were delivered are kept until they are dealt with: so many more, or fewer. */
  lend(bytes: number): void {
    this.#lent += bytes
    this.#tellHeld()
  }

  /** What waits here, and in the stream while it is paused, beyond what every stream may have. */
  #tellHeld(): void {
    const { holds } = this.#init
    if (holds === undefined) return
    const held = this.#aborted ? 0 : this.#buffer.length + this.#stream.readBufferLength + this.#lent
    holds(Math.max(0, held - FIGURES.memory.perStream))
  }

  readonly #onEnd = (): void => {
    // on an abort or reset the close event that follows carries the error
    if (this.#stream.status === 'aborted' || this.#stream.status === 'reset') return
    this.#noteEnd()
    this.#wakeReader()
  }

  readonly #onClose = (event: StreamCloseEvent): void => {
    if (event.error !== undefined) this.#fail(event.error)
    else this.#noteEnd()
    this.#over.abort(event.error ?? new FrameStreamClosedError('the stream is closed'))
    this.#wakeReader()
  }

  /**
   * A stream says that it ended when its bytes were handed to whoever negotiated its protocol: what came with the
   * negotiation was put back since, and is still to come.
   */
  #noteEnd(): void {
    if (this.#stream.readableEnded && this.#stream.readBufferLength === 0) this.#ended = true
  }

  #fail(error: Error): void {
    this.#error ??= error
    this.#disarm()
    this.#over.abort(error)
    this.#wakeReader()
  }

  #wakeReader(): void {
    const wake = this.#wake
    this.#wake = undefined
    wake?.()
  }

  async #next(): Promise<IteratorResult<Packet>> {
    for (;;) {
      try {
        const frame = this.#buffer.take()
        if (frame !== undefined) {
          this.#disarm()
          this.#tellHeld()
          // a window full of tiny frames must not keep everything else from its turn
          if (turnIsOver()) await pause()
          return { done: false, value: decodeFrame(frame) }
        }
      } catch (err) {
        this.abort(err as Error)
        throw err
      }
      if (this.#resume()) continue
      if (this.#error !== undefined) throw this.#error
      if (this.#ended) {
        this.#disarm()
        if (!this.#buffer.partial) return { done: true, value: undefined }
        const error = new FrameTruncatedError('the stream ended inside a frame')
        this.abort(error)
        throw error
      }
      this.#arm()
      await new Promise<void>(resolve => {
        this.#wake = resolve
      })
    }
  }

  #pauseIfFull(): void {
    // pausing inside resume() would be undone by it, with the window left open
    if (this.#resuming || this.#buffer.length < (this.#init.highWater ?? FIGURES.streams.highWater)) return
    if (this.#stream.readStatus !== 'readable') return
    try {
      if (!this.#buffer.ready) return
    } catch {
      // the reader finds the bad frame when it gets there; until then no more bytes are wanted
    }
    this.#stream.pause()
  }

  /** Lets the network send again; true when that delivered bytes at once. */
  #resume(): boolean {
    if (this.#stream.readStatus !== 'paused') return false
    const before = this.#received
    this.#resuming = true
    try {
      this.#stream.resume()
    } catch {
      // the window update of a dead muxer has nowhere to go; what was buffered was delivered before
    }
    this.#resuming = false
    this.#pauseIfFull()
    return this.#received > before
  }

  #arm(): void {
    if (this.#timer !== undefined) return
    const partial = this.#buffer.partial
    const limit = partial ? (this.#init.stallTimeout ?? FIGURES.streams.stall) : this.#init.readTimeout
    if (limit === undefined) return
    const before = this.#received
    this.#timer = setTimeout(() => {
      this.#timer = undefined
      const arrived = this.#received - before
      if (arrived >= FIGURES.streams.progress || (!partial && arrived > 0)) this.#arm()
      else this.abort(new FrameTimeoutError(`nothing arrived for ${limit} ms`))
    }, limit)
  }

  #disarm(): void {
    clearTimeout(this.#timer)
    this.#timer = undefined
  }

  #drained(signal: AbortSignal | undefined): Promise<void> {
    if (this.#error !== undefined) return Promise.reject(this.#error)
    const onStalled = (limit: number): void =>
      this.abort(new FrameTimeoutError(`the peer took nothing for ${limit} ms`))
    return drained(this.#stream, { signal, limit: this.#init.writeTimeout, onStalled })
  }

  /** From now on arriving bytes are thrown away. */
  #discard(): void {
    this.#stream.removeEventListener('message', this.#onMessage)
    this.#stream.addEventListener('message', () => {})
    this.#buffer.clear()
    this.#tellHeld()
    this.#disarm()
    this.#resume()
    this.#ended = true
    this.#wakeReader()
  }
}
