import type { Socket } from 'node:net'
import { releaseLarge } from '../base/release.js'
import { StalledError } from './errors.js'
import { FRAME_OVERHEAD, FrameOpener, FrameSealer, MAX_FRAME_SIZE } from './frame-cipher.js'
import type { SecureChannel } from './socket-handshake.js'

/** Queued messages are sealed and written together once they reach this, or at the end of the turn. */
const BATCH = 64 * 1024

export interface FrameSocketOptions {
  /** Milliseconds within which each frame must arrive in full. */
  readTimeout: number
  /** Milliseconds within which the peer must have read on. */
  writeTimeout: number
}

export interface FrameSocketHandlers {
  /** Something that was queued has left. */
  onProgress(): void
  /** The peer has read nothing for too long. */
  onStalled(error: Error): void
  /** The socket is gone; what it brought before can still be taken. */
  onClose(): void
}

/** Messages over one socket: sealed, opened, and bounded in time and in size. */
export class FrameSocket {
  readonly #socket: Socket
  readonly #handlers: FrameSocketHandlers
  readonly #options: FrameSocketOptions
  readonly #sealer: FrameSealer
  readonly #opener: FrameOpener
  #batch: (readonly Uint8Array[])[] = []
  #batchBytes = 0
  #inFlight = 0
  #flush: NodeJS.Immediate | undefined
  #readTimer: NodeJS.Timeout | undefined
  #writeTimer: NodeJS.Timeout | undefined
  #paused = true
  /** What came since is dropped. */
  #dropping = false
  /** No byte will come any more; what is in hand can still be taken. */
  #ended: { error: Error | undefined } | undefined
  /** Whoever waits for more bytes. */
  #wake: (() => void) | undefined
  #writeEnded = false

  constructor(socket: Socket, channel: SecureChannel, handlers: FrameSocketHandlers, options: FrameSocketOptions) {
    this.#socket = socket
    this.#handlers = handlers
    this.#options = options
    this.#sealer = new FrameSealer(channel.secrets)
    this.#opener = new FrameOpener(channel.secrets)
    this.#opener.push(channel.early)
    socket.setNoDelay(true)
    socket.on('data', chunk => {
      // After the last message the rest is read and dropped, so that closing sends no reset over our own last words.
      if (this.#dropping) return
      this.#opener.push(chunk)
      this.#stir()
    })
    socket.on('end', () => this.#endOfBytes(undefined))
    socket.on('error', error => this.#endOfBytes(error))
    socket.on('close', () => {
      this.#endOfBytes(new StalledError('the connection was closed'))
      this.#writeEnded = true
      clearImmediate(this.#flush)
      clearTimeout(this.#writeTimer)
      // whoever waits for more is told first
      setImmediate(() => handlers.onClose())
    })
  }

  /** Bytes queued here or in the socket. */
  get queued(): number {
    return this.#batchBytes + this.#inFlight
  }

  /** Bytes that came and were not taken. */
  get buffered(): number {
    return this.#opener.buffered
  }

  /**
   * The size of the next message on the wire, as soon as its header is there.
   *
   * @throws FrameError
   */
  get nextSize(): number | undefined {
    return this.#opener.nextSize()
  }

  /** Whether all of the next message is there, once its size is known. */
  get ready(): boolean {
    return this.#opener.ready
  }

  /** Does a part of what is to be done before `take` is quick, when it is `ready`; true when that was the last. */
  prepare(): boolean {
    return this.#opener.prepare()
  }

  /**
   * The next message, when it is `ready`.
   *
   * @throws FrameError
   */
  take(): Uint8Array {
    const message = this.#opener.next()
    if (message === undefined) throw new RangeError('the message is not there yet')
    this.#readTimer?.refresh()
    return message
  }

  /**
   * Reads on; true when more bytes came, false when none will and the last message ended. A message may take `readTimeout` from
   * the one before it, or from when reading went on.
   *
   * @throws StalledError when it takes longer, or the connection is cut inside a message; what broke the socket
   */
  async more(): Promise<boolean> {
    if (this.#ended === undefined && !this.#dropping) {
      this.#resume()
      await new Promise<void>(resolve => {
        this.#wake = resolve
      })
    }
    if (this.#ended === undefined || this.#dropping) return !this.#dropping
    if (this.#ended.error !== undefined) throw this.#ended.error
    if (!this.#opener.idle) throw new StalledError('the connection was cut inside a frame')
    return false
  }

  /** Reads nothing until `more` is called; waiting for that is no silence of the peer. */
  pause(): void {
    if (this.#paused) return
    this.#paused = true
    this.#stopTimer()
    if (!this.#dropping) this.#socket.pause()
  }

  #resume(): void {
    if (!this.#paused) return
    this.#paused = false
    this.#readTimer = setTimeout(
      () => this.#endOfBytes(new StalledError('the peer was silent for too long')),
      this.#options.readTimeout
    )
    this.#socket.resume()
  }

  /**
   * Queues one message, given in parts that are not copied before they are sealed.
   *
   * @throws RangeError when it is larger than a frame can be
   */
  send(parts: readonly Uint8Array[]): void {
    if (this.#writeEnded) return
    let size = FRAME_OVERHEAD
    for (const part of parts) size += part.length
    if (size > MAX_FRAME_SIZE) throw new RangeError(`a message of ${size} bytes does not fit into a frame`)
    this.#batch.push(parts)
    this.#batchBytes += size
    if (this.#batchBytes >= BATCH) this.#write()
    else this.#flush ??= setImmediate(() => this.#write())
  }

  /**
   * Closes after what is queued has left, or `grace` milliseconds after now if not patient. Then the peer has `grace`
   * to close its side: until then what it sends is read and dropped, because a reset would overtake our last words.
   */
  end(grace: number, options: { patient: boolean }): void {
    this.#dropping = true
    this.#opener.drop()
    this.#stopTimer()
    this.#stir()
    this.#write()
    this.#writeEnded = true
    let timer: NodeJS.Timeout | undefined
    const limit = (): void => {
      if (!this.#socket.destroyed) timer ??= setTimeout(() => this.#socket.destroy(), grace)
    }
    this.#socket.once('close', () => clearTimeout(timer))
    this.#socket.end(limit)
    if (!options.patient) limit()
    this.#socket.resume()
  }

  #write(): void {
    clearImmediate(this.#flush)
    this.#flush = undefined
    if (this.#batch.length === 0 || this.#writeEnded) return
    const size = this.#batchBytes
    const pieces = this.#sealer.seal(this.#batch)
    this.#batch = []
    this.#batchBytes = 0
    this.#inFlight += size
    this.#writeTimer ??= setTimeout(() => {
      this.#handlers.onStalled(new StalledError('the peer stopped reading'))
      this.#socket.destroy()
    }, this.#options.writeTimeout)
    this.#socket.cork()
    for (const piece of pieces.slice(0, -1)) this.#socket.write(piece)
    this.#socket.write(pieces[pieces.length - 1] as Uint8Array, error => {
      // they left: what is not given back now waits for the collector
      if (!error) for (const piece of pieces) releaseLarge(piece)
      this.#inFlight -= size
      if (this.#inFlight === 0) {
        clearTimeout(this.#writeTimer)
        this.#writeTimer = undefined
      } else {
        this.#writeTimer?.refresh()
      }
      this.#handlers.onProgress()
    })
    this.#socket.uncork()
  }

  #endOfBytes(error: Error | undefined): void {
    if (this.#ended !== undefined) return
    this.#ended = { error }
    this.#stopTimer()
    this.#stir()
  }

  #stopTimer(): void {
    clearTimeout(this.#readTimer)
    this.#readTimer = undefined
  }

  #stir(): void {
    const wake = this.#wake
    this.#wake = undefined
    wake?.()
  }
}
