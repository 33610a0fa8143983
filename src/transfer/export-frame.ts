import { crc32 } from 'node:zlib'
import { equalBytes, joinBytes, readUint32, writeUint32 } from '../wire/bytes.js'
import { ExportFormatError } from './errors.js'

// kind(1) length(4) payload checksum(4), integers big-endian; the checksum is the CRC-32 of all before it (protocols/export.md).

/** What an uncompressed export in binary form begins with: `WAKUMAIL`. */
export const EXPORT_MAGIC: Uint8Array = new TextEncoder().encode('WAKUMAIL')

export const FrameKind = { head: 1, envelopes: 2, record: 3, end: 4, signature: 5 } as const

export interface ExportFrame {
  /** One of `FrameKind`, or what a newer version writes: 0..255. */
  kind: number
  payload: Uint8Array
  /** The frame as it is in the file. */
  raw: Uint8Array
}

/** Longest payload: one envelope may have 1 MiB. */
export const MAX_FRAME: number = 4 * 1024 * 1024
const BEFORE = 5
const AFTER = 4

export function encodeExportFrame(kind: number, payload: Uint8Array): Uint8Array {
  const frame = joinBytes([Uint8Array.of(kind), writeUint32(payload.length), payload, new Uint8Array(AFTER)])
  frame.set(writeUint32(crc32(frame.subarray(0, -AFTER))), frame.length - AFTER)
  return frame
}

/** Cuts a stream of bytes into frames; holds at most one frame and what was pushed last. */
export class FrameReader {
  #bytes: Uint8Array = new Uint8Array(0)
  #begun = false
  #read = 0

  push(chunk: Uint8Array): void {
    this.#bytes = this.#bytes.length === 0 ? chunk : joinBytes([this.#bytes, chunk])
  }

  /** Whether nothing is left behind the last frame. */
  get done(): boolean {
    return this.#begun && this.#bytes.length === 0
  }

  /**
   * The next whole frame, seen in place; undefined until more is pushed.
   * @throws ExportFormatError
   */
  next(): ExportFrame | undefined {
    if (!this.#begun && !this.#begin()) return undefined
    const bytes = this.#bytes
    if (bytes.length < BEFORE) return undefined
    const length = readUint32(bytes, 1)
    if (length > MAX_FRAME) throw this.#damaged()
    const end = BEFORE + length
    if (bytes.length < end + AFTER) return undefined
    if (readUint32(bytes, end) !== crc32(bytes.subarray(0, end))) throw this.#damaged()
    this.#bytes = bytes.subarray(end + AFTER)
    this.#read += end + AFTER
    return { kind: bytes[0] as number, payload: bytes.subarray(BEFORE, end), raw: bytes.subarray(0, end + AFTER) }
  }

  #begin(): boolean {
    if (this.#bytes.length < EXPORT_MAGIC.length) return false
    if (!equalBytes(this.#bytes.subarray(0, EXPORT_MAGIC.length), EXPORT_MAGIC)) {
      throw new ExportFormatError('this is no export of a mailserver')
    }
    this.#bytes = this.#bytes.subarray(EXPORT_MAGIC.length)
    this.#read = EXPORT_MAGIC.length
    this.#begun = true
    return true
  }

  #damaged(): ExportFormatError {
    return new ExportFormatError(`it is damaged at byte ${this.#read} (uncompressed): copy or export it again`)
  }
}
