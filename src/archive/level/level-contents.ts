import { crc32 } from 'node:zlib'
import { readUint32 } from '../../wire/bytes.js'
import type { TopicFloors } from '../topic-floors.js'
import { put32 } from './level-bytes.js'
import { isPosting, POSTING_ENTRY_BYTES } from './level-posting.js'

// What a finished block of ingest order has, so that a posting that is gone or changed is told from one that never was. For each of its
// topics, ascending, integers big-endian; the checksum is the CRC-32 of its posting, and the last one that of all before it, begun with
// the number of the block:
//
//   (topic(4) newest sent(4) checksum(4))… checksum(4)

const ENTRY = 12
const CHECKSUM = 4

/** A topic of a block, and what its posting was when it was written. */
export interface Listed {
  topic: number
  /** When its newest envelope was sent, Unix seconds. */
  newest: number
  checksum: number
}

export function listed(topic: number, posting: Uint8Array): Listed {
  let newest = 0
  for (let at = 2; at < posting.length; at += POSTING_ENTRY_BYTES) newest = Math.max(newest, readUint32(posting, at))
  return { topic, newest, checksum: crc32(posting) }
}

/** @param topics - ascending */
export function encodeContents(block: number, topics: readonly Listed[]): Uint8Array {
  const bytes = new Uint8Array(topics.length * ENTRY + CHECKSUM)
  topics.forEach(({ topic, newest, checksum }, i) => {
    put32(bytes, i * ENTRY, topic)
    put32(bytes, i * ENTRY + 4, newest)
    put32(bytes, i * ENTRY + 8, checksum)
  })
  put32(bytes, bytes.length - CHECKSUM, checksumOf(block, bytes))
  return bytes
}

function checksumOf(block: number, bytes: Uint8Array): number {
  return crc32(bytes.subarray(0, bytes.length - CHECKSUM), block)
}

/** The topics of a finished block. */
export class BlockContents {
  readonly #bytes: Uint8Array
  /** How many they are. */
  readonly length: number

  private constructor(bytes: Uint8Array) {
    this.#bytes = bytes
    this.length = (bytes.length - CHECKSUM) / ENTRY
  }

  /** Undefined when they are not what was written. */
  static decode(block: number, bytes: Uint8Array): BlockContents | undefined {
    if (bytes.length < CHECKSUM || bytes.length % ENTRY !== CHECKSUM) return undefined
    if (readUint32(bytes, bytes.length - CHECKSUM) !== checksumOf(block, bytes)) return undefined
    return new BlockContents(bytes)
  }

  get bytes(): Uint8Array {
    return this.#bytes
  }

  /** Whether it has something of a topic, or had before that was pruned. */
  has(topic: number): boolean {
    return this.#find(topic) !== undefined
  }

  /**
   * Whether a posting is what was written of a topic.
   * @param posting - undefined when there is none
   * @param floors - what was sent before them may have been pruned, with its posting; of a time after that was read
   */
  agrees(topic: number, posting: Uint8Array | undefined, floors: TopicFloors): boolean {
    const place = this.#find(topic)
    if (place === undefined) return posting === undefined
    if (posting === undefined) return floors.include(readUint32(this.#bytes, place + 4), topic)
    return isPosting(posting) && crc32(posting) === readUint32(this.#bytes, place + 8)
  }

  /** How many of the topics have no posting and should have one. */
  missing(isThere: (topic: number) => boolean, floors: TopicFloors): number {
    let missing = 0
    for (let at = 0; at < this.#bytes.length - CHECKSUM; at += ENTRY) {
      const topic = readUint32(this.#bytes, at)
      if (!isThere(topic) && !floors.include(readUint32(this.#bytes, at + 4), topic)) missing++
    }
    return missing
  }

  /** Where a topic is. */
  #find(topic: number): number | undefined {
    let low = 0
    let high = this.length
    while (low < high) {
      const middle = (low + high) >>> 1
      const found = readUint32(this.#bytes, middle * ENTRY)
      if (found === topic) return middle * ENTRY
      if (found < topic) low = middle + 1
      else high = middle
    }
    return undefined
  }
}
