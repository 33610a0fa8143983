import { encodingLength } from 'uint8-varint'
import { Uint8ArrayList } from 'uint8arraylist'
import { MalformedError } from '../wire/errors.js'
import { PacketCode } from '../wire/packet/packet-code.js'
import { MAX_FRAME, MAX_MAIL_CONTROL_FRAME } from '../wire/packet/packet-frame.js'
import { FrameTooLargeError } from './frame-errors.js'
import { LargeFrame } from './large-frame.js'

/** How long a frame with this code may be, in bytes after the length varint. */
export type FrameLimit = (code: number) => number

/** The limits of the stream protocols: 16 KiB for a request or a completion, 1 MiB + 16 for everything else. */
export const defaultFrameLimit: FrameLimit = code =>
  code === PacketCode.Request || code === PacketCode.RequestComplete ? MAX_MAIL_CONTROL_FRAME : MAX_FRAME

const MAX_VARINT_BYTES = 3
/** A larger frame has memory of its own, bytes; of others that may be shared. */
export const LARGE_FRAME: number = 64 * 1024

/**
 * Bytes as they arrive, cut into frames; length and code are judged before a body is waited for. `it-length-prefixed` cuts the same
 * frames and does not serve: its bound cannot depend on the code behind the length, it takes lengths that are no minimal varint, and
 * it pulls from an iterable, as which a libp2p stream loses what `pause` held back.
 */
export class FrameBuffer {
  readonly #bytes = new Uint8ArrayList()
  /** Length of the frame whose bytes come next, once its varint is read. */
  #frame: number | undefined
  #limitChecked = false
  /** The frame under way, when it is large; what follows it is in `#bytes`. */
  #large: LargeFrame | undefined
  readonly #limit: FrameLimit

  constructor(limit: FrameLimit = defaultFrameLimit) {
    this.#limit = limit
  }

  /** Unread bytes, 0 or more. */
  get length(): number {
    return this.#bytes.length + (this.#large?.length ?? 0)
  }

  /** Whether part of a frame has arrived. */
  get partial(): boolean {
    return this.length > 0 || this.#frame !== undefined
  }

  push(chunk: Uint8Array): void {
    if (chunk.byteLength === 0) return
    const taken = this.#large?.push(chunk) ?? 0
    if (taken === chunk.byteLength) return
    // a Buffer's slice() is a view; everything above is promised plain arrays, whose slice() copies
    this.#bytes.append(new Uint8Array(chunk.buffer, chunk.byteOffset + taken, chunk.byteLength - taken))
  }

  /** Whether `take` would return a frame. Throws as `take` does. */
  get ready(): boolean {
    this.#readHead()
    if (this.#frame === undefined) return false
    return this.#large === undefined ? this.#bytes.length >= this.#frame : this.#large.whole !== undefined
  }

  /**
   * The next whole frame without its length varint, or undefined when more bytes are needed.
   *
   * @throws {FrameTooLargeError} when the announced length is over the limit of its code
   * @throws {MalformedError} when the length is no minimal varint or the head is no packet frame
   */
  take(): Uint8Array | undefined {
    if (!this.ready) return undefined
    // a view when it lies in one chunk, else a copy
    const frame = this.#large?.whole ?? this.#bytes.subarray(0, this.#frame as number)
    if (this.#large === undefined) this.#bytes.consume(frame.length)
    this.#begin()
    return frame
  }

  /** Forgets everything unread. */
  clear(): void {
    this.#bytes.consume(this.#bytes.length)
    this.#large?.release()
    this.#begin()
  }

  #begin(): void {
    this.#frame = undefined
    this.#limitChecked = false
    this.#large = undefined
  }

  #readHead(): void {
    if (this.#frame === undefined) this.#readVarint()
    if (this.#frame === undefined || this.#limitChecked) return
    const code = this.#peekCode(this.#frame)
    if (code === undefined) return
    if (this.#frame > this.#limit(code)) {
      throw new FrameTooLargeError(`a frame of ${this.#frame} bytes with code ${code} is over the limit`)
    }
    this.#limitChecked = true
    if (this.#frame > LARGE_FRAME) this.#large = this.#apart(this.#frame)
  }

  /** Moves what came of a large frame. */
  #apart(size: number): LargeFrame {
    const large = new LargeFrame(size)
    for (const chunk of this.#bytes) if (large.push(chunk) < chunk.length) break
    this.#bytes.consume(large.length)
    return large
  }

  #readVarint(): void {
    let value = 0
    for (let i = 0; i < MAX_VARINT_BYTES; i++) {
      if (i >= this.#bytes.length) return
      const byte = this.#bytes.get(i)
      value |= (byte & 0x7f) << (7 * i)
      if (byte < 0x80) {
        if (encodingLength(value) !== i + 1) throw new MalformedError('frame length is not a minimal varint')
        if (value === 0) throw new MalformedError('empty frame')
        if (value > MAX_FRAME) throw new FrameTooLargeError(`a frame of ${value} bytes is over the limit`)
        this.#bytes.consume(i + 1)
        this.#frame = value
        return
      }
    }
    throw new FrameTooLargeError(`a frame whose length takes more than ${MAX_VARINT_BYTES} bytes is over the limit`)
  }

  /** Reads the code behind the list header; undefined while too few bytes are here. */
  #peekCode(frame: number): number | undefined {
    if (this.#bytes.length === 0) return undefined
    const first = this.#bytes.get(0)
    if (first < 0xc0) throw new MalformedError('frame is not an RLP list')
    const header = first < 0xf8 ? 1 : 1 + (first - 0xf7)
    if (header > 4 || header >= frame) throw new MalformedError('frame list header does not fit the frame')
    if (this.#bytes.length <= header) return undefined
    const code = this.#bytes.get(header)
    if (code === 0x80) return 0
    if (code < 0x80 && code !== 0) return code
    throw new MalformedError('packet code is not a canonical integer below 128')
  }
}
