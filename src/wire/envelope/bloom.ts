import { equalBytes } from '../bytes.js'
import { checkBytes, describe } from '../checks.js'
import { UnencodableError } from '../errors.js'
import { topicNumber } from './topic.js'

/** A bloom filter over topics has 512 bits (6/WAKU1). */
export const BLOOM_BYTES = 64

const FULL = new Uint8Array(BLOOM_BYTES).fill(0xff)

/** Every bit set: the filter of a node that wants everything. */
export function fullBloom(): Uint8Array {
  return FULL.slice()
}

export function isFullBloom(filter: Uint8Array): boolean {
  return equalBytes(filter, FULL)
}

/** One of the three bits of a topic, 0..511; bit n lies in byte n/8, counted from the least significant. */
const bitOf = (topic: number, i: 0 | 1 | 2): number => ((topic >>> (24 - 8 * i)) & 0xff) | (((topic >>> i) & 1) << 8)

function bits(topic: Uint8Array): [number, number, number] {
  const number = topicNumber(topic)
  return [bitOf(number, 0), bitOf(number, 1), bitOf(number, 2)]
}

/**
 * The filter that a topic sets: 64 bytes, 1 to 3 bits.
 * @throws UnencodableError when it is not 4 bytes
 */
export function topicBloom(topic: Uint8Array): Uint8Array {
  return bloomOf([topic])
}

/**
 * The filter as deployed programs compute it: of bits that share a byte only the last one stays. It is a part of
 * the correct one, so testing with it agrees with either kind of peer.
 */
export function lossyTopicBloom(topic: Uint8Array): Uint8Array {
  const bloom = new Uint8Array(BLOOM_BYTES)
  for (const bit of bits(topic)) bloom[bit >> 3] = 1 << (bit & 7)
  return bloom
}

/**
 * The filter that covers all of `topics` (4 bytes each): what a node announces.
 * @throws UnencodableError when one is not 4 bytes
 */
export function bloomOf(topics: Iterable<Uint8Array>): Uint8Array {
  const bloom = new Uint8Array(BLOOM_BYTES)
  if (!topics?.[Symbol.iterator]) throw new UnencodableError(`topics are a list, not ${describe(topics)}`)
  for (const topic of topics) {
    checkBytes(topic, 'a topic', UnencodableError, 4)
    for (const bit of bits(topic)) bloom[bit >> 3] = (bloom[bit >> 3] as number) | (1 << (bit & 7))
  }
  return bloom
}

/** Whether every bit of `sample` is in `filter`. An empty filter wants everything. */
export function bloomMatches(filter: Uint8Array, sample: Uint8Array): boolean {
  if (filter.length === 0) return true
  for (let i = 0; i < BLOOM_BYTES; i++) if ((sample[i] as number) & ~(filter[i] as number)) return false
  return true
}

/** Whether an envelope of `topic` passes a received filter: `bloomMatches` with the lossy filter of the topic. */
export function envelopeMatchesBloom(filter: Uint8Array, topic: Uint8Array): boolean {
  return filter.length === 0 || passes(filter, topicNumber(topic))
}

/** The same of topics as integers of 32 bits, for who tests thousands. */
export function bloomTest(filter: Uint8Array): (topic: number) => boolean {
  return filter.length === 0 ? () => true : topic => passes(filter, topic)
}

function passes(filter: Uint8Array, topic: number): boolean {
  const c = bitOf(topic, 2)
  if (!has(filter, c)) return false
  const [a, b] = [bitOf(topic, 0), bitOf(topic, 1)]
  return (b >> 3 === c >> 3 || has(filter, b)) && (a >> 3 === b >> 3 || a >> 3 === c >> 3 || has(filter, a))
}

const has = (filter: Uint8Array, bit: number): boolean => ((filter[bit >> 3] as number) & (1 << (bit & 7))) !== 0
