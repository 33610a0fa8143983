import { delay } from '../base/delay.js'
import { turnIsOver } from '../base/loop-turn.js'
import { pause } from '../base/pause.js'
import * as FIGURES from '../limits/figures.js'
import type { Limits } from '../limits/limits.js'
import type { Origin } from '../limits/origin.js'
import type { CapabilityStream } from './capability-stream.js'
import { FrameError, NoRoomError } from './errors.js'
import type { FrameSocket } from './frame-socket.js'
import { InboundRoom } from './inbound-room.js'

/** How a connection is at this moment. */
export interface ReaderState {
  /** What ended it. */
  ended: Error | undefined
  /** Those that both sides speak; none before Hello. */
  streams: readonly CapabilityStream[]
  /** The largest message on the wire that any of them would take. */
  maxMessage: number
}

export interface MessageReaderParts {
  frames: FrameSocket
  limits: Limits
  origin: Origin
  /** Aborted when the connection ends. */
  signal: AbortSignal
  state: Readonly<ReaderState>
  /** It is read as it comes, whatever it sent in vain. */
  hurried: boolean
  /** For room in the memory that all share, over all waits of a message, ms. */
  roomTimeout: number
  /** Inflates and delivers a message; a promise only when something has to be waited for. */
  take(message: Uint8Array): Promise<void> | undefined
}

/**
 * The way in of a connection: size, bound, body, turn, then what the message says. Each step is over before the next begins, and
 * what has to be waited for is awaited here, while nothing is read. Most messages have to wait for nothing, and no await is spent on
 * them: what one chunk brought is taken in one go.
 */
export class MessageReader {
  readonly room: InboundRoom
  readonly #parts: MessageReaderParts
  /** The peer has said something on each of the streams. */
  #begun = false
  /** How long the message under way waited for room, ms. */
  #waitedForRoom = 0
  /** Whoever waits until something changed. */
  #wake: (() => void) | undefined

  constructor(parts: MessageReaderParts) {
    this.#parts = parts
    this.room = new InboundRoom({ limits: parts.limits, origin: parts.origin, onChange: () => this.stir() })
  }

  /**
   * Resolves when no message will come any more, or the connection ended.
   *
   * @throws {FrameError} what is no message, or too large
   * @throws {StalledError} when the peer was silent, or left inside a message
   * @throws {NoRoomError} when a message found no room in time
   * @throws what broke the socket, or `take` threw
   */
  async run(): Promise<void> {
    const { frames, state } = this.#parts
    while (state.ended === undefined) {
      const size = frames.nextSize
      if (size === undefined) {
        if (!(await frames.more())) return
        continue
      }
      if (size > state.maxMessage) await this.until(() => this.isBounded(size, state.maxMessage, state.streams))
      const wait = this.#throttled(size)
      if (wait > 0) await this.#rest(wait)
      if (!frames.ready && !(await this.#body(size))) return
      if (size > FIGURES.devp2p.large) await this.inPieces(() => frames.prepare())
      if (turnIsOver() && !this.#goesOn()) await this.#takeInTurn()
      else {
        const taking = this.#take()
        if (taking !== undefined) await taking
      }
      this.room.received()
      this.#waitedForRoom = 0
      if (this.room.full) await this.until(() => this.room.roomy)
    }
  }

  /** Something changed that reading may wait for. */
  stir(): void {
    const wake = this.#wake
    this.#wake = undefined
    wake?.()
  }

  /** The connection ended. */
  end(): void {
    this.room.end()
    this.stir()
  }

  /**
   * Whether a size is allowed; false while the reader of what was delivered before may still allow more.
   *
   * @throws {FrameError} when it is not
   */
  isBounded(size: number, most: number, streams: readonly CapabilityStream[]): boolean {
    if (size <= most) return true
    if (streams.some(stream => stream.deciding)) return false
    this.#parts.limits.counts.add('refused_packet')
    throw new FrameError(`${size} bytes where ${most} are allowed`)
  }

  /**
   * Reads nothing until it is so: asked again whenever something changed.
   *
   * @throws what `so` throws, or what ended the connection meanwhile
   */
  async until(so: () => boolean): Promise<void> {
    const { frames, state } = this.#parts
    frames.pause()
    while (!so()) {
      await new Promise<void>(resolve => {
        this.#wake = resolve
      })
      if (state.ended !== undefined) throw state.ended
    }
  }

  /**
   * The same for room in the memory that all share, which others may keep.
   *
   * @throws {NoRoomError} when there is none in time
   */
  async untilRoom(hasRoom: () => boolean): Promise<void> {
    const { roomTimeout } = this.#parts
    let late = false
    const began = performance.now()
    const timer = setTimeout(() => {
      late = true
      this.stir()
    }, roomTimeout - this.#waitedForRoom)
    try {
      await this.until(() => {
        if (hasRoom()) return true
        if (late) throw new NoRoomError(`no room for a message within ${roomTimeout} ms`)
        return false
      })
    } finally {
      clearTimeout(timer)
      this.#waitedForRoom += performance.now() - began
    }
  }

  /**
   * Does something in pieces until one says that it was the last, and reads nothing meanwhile.
   *
   * @throws what `piece` throws, or what ended the connection meanwhile
   */
  async inPieces(piece: () => boolean): Promise<void> {
    const { frames, state } = this.#parts
    frames.pause()
    while (!piece()) {
      if (turnIsOver()) await pause()
      if (state.ended !== undefined) throw state.ended
    }
  }

  /** Reads the rest of a message, as there is room for it; false at the end. */
  async #body(size: number): Promise<boolean> {
    const { frames } = this.#parts
    const hasRoom = (): boolean => this.room.receive(size, frames.buffered)
    while (!frames.ready) {
      if (!hasRoom()) await this.untilRoom(hasRoom)
      if (!(await frames.more())) return false
    }
    return true
  }

  /** Opens a message that is all there. */
  #take(): Promise<void> | undefined {
    return this.#parts.take(this.#parts.frames.take())
  }

  /** Who alone brings much is not stopped as soon as it takes the time of others: there may be none. */
  #goesOn(): boolean {
    const { limits, origin } = this.#parts
    limits.readers.note(origin.peer)
    return !limits.readers.active && !turnIsOver(FIGURES.devp2p.alone.turn)
  }

  /** Many connections that bring much at once take turns, by address. What a message has to wait for is no part of its turn. */
  async #takeInTurn(): Promise<void> {
    const { frames, limits, origin, signal } = this.#parts
    frames.pause()
    const { taking } = await limits.reading.run(origin, () => ({ taking: this.#take() }), { signal })
    await taking
  }

  /**
   * How long to wait with the next message for what was sent in vain, ms; with one that asks for much memory for what others of its
   * address sent, too. Nobody waits with its first words.
   */
  #throttled(size: number): number {
    const { limits, origin, hurried, state } = this.#parts
    const { streams } = state
    if (hurried || streams.length === 0) return 0
    const large = size > FIGURES.devp2p.large
    this.#begun ||= streams.every(stream => stream.begun)
    if (!large && !this.#begun) return 0
    const wait = limits.throttle.reserve(origin)
    return large ? Math.max(wait, limits.throttle.ofAddress(origin.address)) : wait
  }

  async #rest(wait: number): Promise<void> {
    const { frames, limits, signal } = this.#parts
    limits.counts.add('slowed_packet')
    frames.pause()
    await delay(wait, { signal })
  }
}
