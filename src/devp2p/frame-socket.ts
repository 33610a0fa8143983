import type { Socket } from 'node:net'
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
  /**
   * One message. May pause the socket: then no further one is read until `resume`; and if it returns false, the same one
   * comes again. Throws to end reading for good.
   */
  onMessage(message: Uint8Array): boolean
  /**
   * The next message has this size on the wire, and so much of it is there yet. Throws to refuse it, or pauses the socket
   * and returns false: then the same is asked after `resume`.
   */
  onSize(size: number, arrived: number): boolean
  /** Something that was queued has left. */
  onProgress(): void
  /** No message will come any more; without an error the peer closed between two frames. */
  onEnd(error: Error | undefined): void
  /** The socket is gone. */
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
  #reading = false
  #refused: Uint8Array | undefined
  #readEnded = false
  /** No byte will come any more; messages in hand are still read. */
  #ended: { error: Error | undefined } | undefined
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
      if (this.#readEnded) return
      this.#opener.push(chunk)
      this.#read()
    })
    socket.on('end', () => this.#endOfBytes(undefined))
    socket.on('error', error => this.#endOfBytes(error))
    socket.on('close', () => {
      this.#endOfBytes(new StalledError('the connection was closed'))
      this.#writeEnded = true
      clearImmediate(this.#flush)
      clearTimeout(this.#writeTimer)
      handlers.onClose()
    })
  }

  /** Bytes queued here or in the socket. */
  get queued(): number {
    return this.#batchBytes + this.#inFlight
  }

  pause(): void {
    if (this.#paused) return
    this.#paused = true
    clearTimeout(this.#readTimer)
    this.#readTimer = undefined
    if (!this.#readEnded) this.#socket.pause()
  }

  /** Starts or goes on reading. */
  resume(): void {
    if (!this.#paused || this.#readEnded) return
    this.#paused = false
    if (this.#ended === undefined) {
      this.#readTimer = setTimeout(
        () => this.#endReading(new StalledError('the peer was silent for too long')),
        this.#options.readTimeout
      )
    }
    this.#read()
    if (!this.#paused && !this.#readEnded) this.#socket.resume()
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
    this.#endReading(undefined)
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
      this.#endReading(new StalledError('the peer stopped reading'))
      this.#socket.destroy()
    }, this.#options.writeTimeout)
    const last = pieces.pop() as Uint8Array
    this.#socket.cork()
    for (const piece of pieces) this.#socket.write(piece)
    this.#socket.write(last, () => {
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

  #read(): void {
    // A message handler may resume a socket that it paused: the loop that is under way goes on instead of a second one.
    if (this.#reading) return
    this.#reading = true
    try {
      while (!this.#paused && !this.#readEnded) {
        const message = this.#refused ?? this.#next()
        if (message === undefined) {
          if (this.#ended !== undefined && !this.#paused) {
            const cut = this.#opener.idle ? undefined : new StalledError('the connection was cut inside a frame')
            this.#endReading(this.#ended.error ?? cut)
          }
          break
        }
        this.#readTimer?.refresh()
        this.#refused = this.#handlers.onMessage(message) ? undefined : message
      }
    } catch (error) {
      this.#endReading(error as Error)
    } finally {
      this.#reading = false
    }
  }

  #next(): Uint8Array | undefined {
    const size = this.#opener.nextSize()
    if (size === undefined || !this.#handlers.onSize(size, this.#opener.buffered)) return undefined
    return this.#opener.next()
  }

  #endOfBytes(error: Error | undefined): void {
    if (this.#ended !== undefined) return
    this.#ended = { error }
    clearTimeout(this.#readTimer)
    this.#read()
  }

  #endReading(error: Error | undefined): void {
    if (this.#readEnded) return
    this.#readEnded = true
    clearTimeout(this.#readTimer)
    this.#handlers.onEnd(error)
  }
}
