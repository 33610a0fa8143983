import { closeSync, openSync, readFileSync, writeSync } from 'node:fs'
import { crc32 } from 'node:zlib'
import { readUint32 } from '../../wire/bytes.js'
import { put32 } from './level-bytes.js'

/** from(4) until(4), Unix seconds, and their CRC-32(4), big-endian; zeros when nothing was refused. */
const SIZE = 12

export interface RefusedTime {
  from: number
  until: number
}

/**
 * Says beside the database since when it has refused envelopes that it could not store, and until when: it takes no record then. A file
 * whose room was taken while there was some, and that is written where it lies; it is not synced. One that cannot be had, or written, costs
 * this safeguard, nothing else.
 */
export class RefusedTimes {
  readonly #path: string
  #file: number | undefined
  #time: RefusedTime | undefined

  /** @param path - of the file; made when it is missing */
  constructor(path: string) {
    this.#path = path
  }

  /** What was refused, and is noted nowhere else. */
  get time(): Readonly<RefusedTime> | undefined {
    return this.#time
  }

  /** Reads what an earlier process left. */
  open(): void {
    try {
      closeSync(openSync(this.#path, 'a', 0o600))
      this.#file = openSync(this.#path, 'r+')
      const bytes = new Uint8Array(readFileSync(this.#path))
      this.#time = decode(bytes)
      if (bytes.length < SIZE) this.#write()
    } catch {
      this.close()
    }
  }

  /** To be told of every envelope that was refused since it could not be stored. @param now - Unix seconds */
  note(now: number): void {
    const until = Math.floor(now)
    if (this.#time?.until === until) return
    this.#time = { from: Math.min(this.#time?.from ?? until, until), until }
    this.#write()
  }

  /** To be called when that is noted in the database. */
  clear(): void {
    this.#time = undefined
    this.#write()
  }

  close(): void {
    if (this.#file !== undefined) closeSync(this.#file)
    this.#file = undefined
  }

  #write(): void {
    if (this.#file === undefined) return
    const bytes = new Uint8Array(SIZE)
    if (this.#time !== undefined) {
      put32(bytes, 0, this.#time.from)
      put32(bytes, 4, this.#time.until)
      put32(bytes, 8, crc32(bytes.subarray(0, 8)))
    }
    try {
      writeSync(this.#file, bytes, 0, SIZE, 0)
    } catch {
      // on a disk that fails altogether: what is told while the node runs is told all the same
    }
  }
}

function decode(bytes: Uint8Array): RefusedTime | undefined {
  if (bytes.length < SIZE || readUint32(bytes, 8) !== crc32(bytes.subarray(0, 8))) return undefined
  const [from, until] = [readUint32(bytes, 0), readUint32(bytes, 4)]
  return from > until || until === 0 ? undefined : { from, until }
}
