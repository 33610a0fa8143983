import { closeSync, openSync, readFileSync, writeSync } from 'node:fs'
import { crc32 } from 'node:zlib'
import { readUint32 } from '../../wire/bytes.js'
import { put32, put64, read64 } from './level-bytes.js'

/** What one group of appends put on disk. */
export interface IngestMark {
  /** Sequence number of its last envelope. */
  lastSeq: number
  count: number
  /** `sent` of its oldest and newest envelope, Unix seconds. */
  oldest: number
  newest: number
}

/** lastSeq(8) count(4) oldest(4) newest(4) checksum(4), big-endian. */
const MARK_BYTES = 24
/** LevelDB's log is cut at 32 MiB, and a group of one small envelope takes more than a 65,536th of it. */
const MARKS = 65_536

/**
 * Says beside the database which groups were stored last, so that what a damaged log loses is noticed, with its numbers and times.
 * A ring of marks in one file, each written when its group is on disk. It is not synced itself: after a power cut it may lack the
 * last ones, which only means that their loss would go unnoticed.
 */
export class IngestMarks {
  readonly #path: string
  readonly #mark = new Uint8Array(MARK_BYTES)
  #file: number | undefined
  #next = 0

  /** @param path - of the file; made when it is missing */
  constructor(path: string) {
    this.#path = path
  }

  /** Those that can be read, in order. A file that cannot be had costs this safeguard, nothing else. */
  open(): IngestMark[] {
    const marks: (IngestMark & { at: number })[] = []
    try {
      this.#file = openSync(this.#path, 'a+', 0o600)
      closeSync(this.#file)
      this.#file = openSync(this.#path, 'r+')
      const bytes = new Uint8Array(readFileSync(this.#path))
      for (let at = 0; at + MARK_BYTES <= bytes.length; at += MARK_BYTES) {
        const mark = decode(bytes.subarray(at, at + MARK_BYTES))
        if (mark !== undefined) marks.push({ ...mark, at: at / MARK_BYTES })
      }
    } catch {
      this.close()
    }
    marks.sort((a, b) => a.lastSeq - b.lastSeq)
    const last = marks.at(-1)
    this.#next = last === undefined ? 0 : (last.at + 1) % MARKS
    return marks
  }

  add({ lastSeq, count, oldest, newest }: IngestMark): void {
    if (this.#file === undefined) return
    const mark = this.#mark
    put64(mark, 0, lastSeq)
    put32(mark, 8, count)
    put32(mark, 12, oldest)
    put32(mark, 16, newest)
    put32(mark, 20, crc32(mark.subarray(0, 20)))
    try {
      writeSync(this.#file, mark, 0, MARK_BYTES, this.#next * MARK_BYTES)
      this.#next = (this.#next + 1) % MARKS
    } catch {
      // on a full disk: what is stored is stored all the same
    }
  }

  close(): void {
    if (this.#file !== undefined) closeSync(this.#file)
    this.#file = undefined
  }
}

function decode(bytes: Uint8Array): IngestMark | undefined {
  if (readUint32(bytes, 20) !== crc32(bytes.subarray(0, 20)) || readUint32(bytes, 8) === 0) return undefined
  return {
    lastSeq: read64(bytes, 0),
    count: readUint32(bytes, 8),
    oldest: readUint32(bytes, 12),
    newest: readUint32(bytes, 16)
  }
}
