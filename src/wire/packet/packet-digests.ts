import { decodeEnvelope, type EnvelopeDigest } from '../envelope/envelope.js'
import { needsWork } from '../envelope/pow.js'
import { MalformedError } from '../errors.js'
import { keccak256 } from '../keccak.js'
import { batchHash, MessageItems } from './messages.js'

const HASH = 32
/** A hash and the bits of its proof of work, in 16 bits. */
const ENTRY = HASH + 2
const UNKNOWN = 0xffff
/** The same of an item that is no envelope. */
const NO_ENVELOPE = 0xfffe

/** Room for so many entries is there from the beginning: of tiny items they are eight times as large, and most of such may be left out. */
const AT_FIRST = 512

export interface DigestOptions {
  pow: number
  batch?: boolean | undefined
  /**
   * Beyond so many items that are no envelopes the rest is left out: who judges the packet gives it up before.
   *
   * @default none are too many
   */
  patience?: number | undefined
}

/**
 * Everything of a Messages packet (0x01) that takes hashing, in one array: the packet's hash, then for each item its hash
 * and, where that decides, the leading zero bits of its proof of work.
 *
 * @param options.pow what is asked of the envelopes
 * @param options.batch false leaves the packet's own hash out, which takes as long as all others
 * @throws MalformedError when the body is no list, or of more than 16384 items
 */
export function digestPacket(
  body: Uint8Array,
  { pow, batch = true, patience = Number.POSITIVE_INFINITY }: DigestOptions
): Uint8Array<ArrayBuffer> {
  const items = new MessageItems(body)
  let entries = Math.min(items.length, AT_FIRST)
  let bytes = new Uint8Array(HASH + entries * ENTRY)
  if (batch) bytes.set(batchHash(body))
  let at = HASH
  let strange = 0
  for (let i = 0; i < items.length; i++) {
    const raw = items.next()
    // where nothing depends on it, whether it is an envelope is found by who judges it
    const bits = pow === 0 && patience === Number.POSITIVE_INFINITY ? UNKNOWN : bitsOf(raw, pow)
    if (bits === NO_ENVELOPE && ++strange > patience) break
    if (i === entries) {
      entries = Math.min(items.length, 2 * entries)
      const before = bytes
      bytes = new Uint8Array(HASH + entries * ENTRY)
      bytes.set(before)
    }
    bytes.set(keccak256(raw), at)
    bytes[at + HASH] = bits >>> 8
    bytes[at + HASH + 1] = bits
    at += ENTRY
  }
  return bytes.subarray(0, at)
}

/** What `digestPacket` brought. */
export class PacketDigests {
  readonly #bytes: Uint8Array

  constructor(bytes: Uint8Array) {
    this.#bytes = bytes
  }

  /** `batchHash` of the packet, 32 bytes; zeros where that was left out. */
  get batch(): Uint8Array {
    return this.#bytes.slice(0, HASH)
  }

  /** Of one item, counted from 0; undefined when it was left out. */
  of(index: number): EnvelopeDigest | undefined {
    const at = HASH + index * ENTRY
    const end = at + HASH
    if (end >= this.#bytes.length) return undefined
    const bits = ((this.#bytes[end] as number) << 8) | (this.#bytes[end + 1] as number)
    // a copy: who keeps the hash of one must not keep all
    return { hash: this.#bytes.slice(at, end), powBits: bits >= NO_ENVELOPE ? undefined : bits }
  }
}

function bitsOf(raw: Uint8Array, pow: number): number {
  try {
    const envelope = decodeEnvelope(raw)
    return needsWork(envelope, pow) ? envelope.powBits : UNKNOWN
  } catch (error) {
    if (error instanceof MalformedError) return NO_ENVELOPE
    throw error
  }
}
