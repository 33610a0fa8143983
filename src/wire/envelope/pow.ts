import { keccakAfter, leadingZeroBits } from '../keccak.js'
import { type Envelope, type EnvelopeFields, encodeShortRlp } from './envelope.js'

/** Bytes that deployed programs count beside the data, instead of the length of the list. */
const HEADER_BYTES = 20

const MAX_NONCE = (1n << 64n) - 1n

/**
 * Proof of work (6/WAKU1): `2^zeros / (size * ttl)` with the size of the list without nonce. Infinite when the TTL is 0.
 * @param options.extraTtl seconds added to the TTL, for an envelope dated ahead of our clock
 */
export function powOf(envelope: Envelope, options: { extraTtl?: number | undefined } = {}): number {
  const ttl = (envelope.ttl + (options.extraTtl ?? 0)) >>> 0
  return 2 ** envelope.powBits / envelope.shortSize / ttl
}

/** How the TTL of an envelope counts, in seconds. */
export interface PowOptions {
  /** Added to it. */
  extraTtl?: number | undefined
  /** It counts as at least this much. */
  minTtl?: number | undefined
}

/**
 * Whether an envelope meets a requirement under any of the size definitions in use: the list without nonce, or
 * 20 bytes and the data.
 */
export function acceptablePow(envelope: Envelope, min: number, options: PowOptions = {}): boolean {
  // where no work at all is enough, it need not be looked at
  return !needsWork(envelope, min, options) || suffices(2 ** envelope.powBits, envelope, min, options)
}

/** Whether it takes a look at the hash to know if an envelope meets a requirement: its size and TTL alone do not. */
export function needsWork(envelope: Envelope, min: number, options: PowOptions = {}): boolean {
  return !suffices(1, envelope, min, options)
}

function suffices(work: number, envelope: Envelope, min: number, { extraTtl = 0, minTtl = 0 }: PowOptions): boolean {
  const ttl = Math.max((envelope.ttl + extraTtl) >>> 0, minTtl)
  const size = Math.min(envelope.shortSize, HEADER_BYTES + envelope.dataSize)
  // programs divide once or twice; the results may differ in the last bit
  return work / size / ttl >= min || work / (size * ttl) >= min
}

/**
 * Zero bits to search for so that every size definition in use meets `target`; 0 means that no search is needed.
 * A TTL of 0 counts as 1.
 */
export function miningBits(fields: Omit<EnvelopeFields, 'nonce'>, target: number): number {
  if (!(target > 0)) return 0
  const short = encodeShortRlp(fields).length
  // the list with the longest nonce: 9 bytes more, and perhaps 2 more of header
  const size = Math.max(short + 11, HEADER_BYTES + fields.data.length)
  const ttl = Math.max(fields.ttl, 1)
  let bits = Math.max(1, Math.ceil(Math.log2(target * size * ttl)))
  while (2 ** bits / size / ttl < target) bits++
  return bits
}

/**
 * One step of the search: tries the nonces `from` … `from + count - 1` and returns the first whose hash has at least
 * `bits` leading zero bits. Whoever calls it chooses `count` small enough to look at an abort signal in between.
 * @param shortRlp the envelope as a list without nonce
 */
export function mineRange(shortRlp: Uint8Array, bits: number, from: bigint, count: number): bigint | undefined {
  const hash = keccakAfter(shortRlp)
  const suffix = new Uint8Array(8)
  const view = new DataView(suffix.buffer)
  for (let i = 0; i < count; i++) {
    const nonce = from + BigInt(i)
    if (nonce > MAX_NONCE) return undefined
    view.setBigUint64(0, nonce)
    if (leadingZeroBits(hash(suffix)) >= bits) return nonce
  }
  return undefined
}
