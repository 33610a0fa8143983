import { MAX_UINT32 } from '../bytes.js'
import { checkBoolean, checkBytes, checkTopics } from '../checks.js'
import { BLOOM_BYTES, fullBloom } from '../envelope/bloom.js'
import { MalformedError, UnencodableError } from '../errors.js'
import { decodeBigUint, decodeUint, type RlpItem } from '../rlp.js'
import { children, decodeList, encodeStructure, type Structure, uint } from '../structure.js'

/** Packets or bytes per second; 0 is no limit. */
export interface RateLimits {
  ip: number
  peer: number
  topic: number
}

/** The options of a Status or Status Update packet (6/WAKU1). An option that is not there says nothing. */
export interface StatusOptions {
  /** Least proof of work of what the node takes: finite, 0 or more. */
  pow?: number | undefined
  /** 64 bytes. */
  bloom?: Uint8Array | undefined
  /** The node forwards nothing for others. */
  light?: boolean | undefined
  /** The node sends Batch Ack and Message Response. */
  confirmations?: boolean | undefined
  packetLimits?: RateLimits | undefined
  /** 4 bytes each, at most 10000; an empty array wants nothing. */
  topics?: Uint8Array[] | undefined
  byteLimits?: RateLimits | undefined
}

/** Most topics a node may be interested in. */
export const MAX_TOPIC_INTEREST = 10_000

const Key = { pow: 0, bloom: 1, light: 2, confirmations: 3, packetLimits: 4, topics: 5, byteLimits: 6 } as const

/** A value by option, in the order of the keys. */
export type OptionValues = [key: number, value: Structure][]

/** @throws UnencodableError when an option is out of its range */
export function optionValues(options: StatusOptions): OptionValues {
  const { pow, bloom, packetLimits, topics, byteLimits } = options
  const values: OptionValues = []
  if (pow !== undefined) values.push([Key.pow, uint(powBits(pow))])
  if (bloom !== undefined) {
    checkBytes(bloom, 'a bloom filter', UnencodableError, BLOOM_BYTES)
    values.push([Key.bloom, bloom])
  }
  for (const name of ['light', 'confirmations'] as const) {
    const value = options[name]
    if (value === undefined) continue
    checkBoolean(value, name, UnencodableError)
    values.push([Key[name], uint(value ? 1 : 0)])
  }
  if (packetLimits !== undefined) values.push([Key.packetLimits, limitsStructure(packetLimits)])
  if (topics !== undefined) values.push([Key.topics, topicInterest(topics)])
  if (byteLimits !== undefined) values.push([Key.byteLimits, limitsStructure(byteLimits)])
  return values
}

/**
 * Reads one option into `options`; a key that is not known changes nothing.
 * @throws MalformedError
 */
export function decodeOption(options: StatusOptions, key: number, value: RlpItem): void {
  if (key === Key.pow) options.pow = decodePow(value)
  else if (key === Key.bloom) options.bloom = decodeBloom(value)
  else if (key === Key.light) options.light = decodeUint(value, { max: 1 }) === 1
  else if (key === Key.confirmations) options.confirmations = decodeUint(value, { max: 1 }) === 1
  else if (key === Key.packetLimits) options.packetLimits = decodeLimits(value)
  else if (key === Key.topics) options.topics = decodeTopicInterest(value)
  else if (key === Key.byteLimits) options.byteLimits = decodeLimits(value)
}

/**
 * The association list of waku/1, keys 0 to 6 ascending: deployed readers lose what follows an unknown key.
 * @throws UnencodableError
 */
export function encodeStatusOptions(options: StatusOptions): Uint8Array {
  return encodeStructure(optionValues(options).map(([key, value]) => [uint(key), value]))
}

/**
 * Reads the association list of waku/1: pairs in any order, unknown keys and extra items of a pair ignored, of a
 * repeated key the last one holds. Both `bloom` and `topics` are returned when both were sent; `mergeStatus` knows
 * which one counts. An empty bloom filter is a full one.
 * @throws MalformedError
 */
export function decodeStatusOptions(body: Uint8Array): StatusOptions {
  const options: StatusOptions = {}
  for (const pair of decodeList(body, { max: 256 })) {
    const [key, value] = children(pair)
    if (key === undefined || value === undefined) throw new MalformedError('an option is a key and a value')
    if (key.isList) throw new MalformedError('the key of an option is a list')
    // any longer key is unknown
    if (key.payload.length <= 4) decodeOption(options, decodeUint(key, { max: MAX_UINT32 }), value)
  }
  return options
}

/**
 * What a peer wants after `update` arrived: options that were left out stay, topics beat a bloom filter of the same
 * packet, and either of them puts the other out of force. For a first Status `current` is `{}`.
 */
export function mergeStatus(current: StatusOptions, update: StatusOptions): StatusOptions {
  const merged: StatusOptions = { ...current }
  for (const [name, value] of Object.entries(update)) {
    if (value !== undefined) Object.assign(merged, { [name]: value })
  }
  if (update.topics !== undefined) delete merged.bloom
  else if (update.bloom !== undefined) delete merged.topics
  return merged
}

/** The 64 bits of the IEEE-754 number, as an integer. */
export function powBits(pow: number): bigint {
  if (!Number.isFinite(pow) || pow < 0) throw new UnencodableError('a proof of work is finite and not negative')
  const view = new DataView(new ArrayBuffer(8))
  view.setFloat64(0, pow)
  return pow === 0 ? 0n : view.getBigUint64(0)
}

/** @throws MalformedError when it is negative, infinite or no number */
export function decodePow(item: RlpItem): number {
  const view = new DataView(new ArrayBuffer(8))
  view.setBigUint64(0, decodeBigUint(item, { bytes: 8 }))
  const pow = view.getFloat64(0)
  if (!Number.isFinite(pow) || pow < 0) throw new MalformedError('a proof of work is finite and not negative')
  return pow === 0 ? 0 : pow
}

export function decodeBloom(item: RlpItem): Uint8Array {
  if (item.isList) throw new MalformedError('a bloom filter is a list')
  const bloom = item.payload
  if (bloom.length === 0) return fullBloom()
  if (bloom.length !== BLOOM_BYTES) throw new MalformedError('a bloom filter is 64 bytes')
  return bloom
}

export function limitsStructure({ ip, peer, topic }: RateLimits): Structure {
  return [uint(ip), uint(peer), uint(topic)]
}

/** Figures past 2^53-1 are read as that. */
export function decodeLimits(item: RlpItem): RateLimits {
  const [ip, peer, topic] = children(item, { max: 16 })
  if (ip === undefined || peer === undefined || topic === undefined) {
    throw new MalformedError('rate limits are three integers')
  }
  const figure = (part: RlpItem): number => {
    const value = decodeBigUint(part, { bytes: 8 })
    return value > BigInt(Number.MAX_SAFE_INTEGER) ? Number.MAX_SAFE_INTEGER : Number(value)
  }
  return { ip: figure(ip), peer: figure(peer), topic: figure(topic) }
}

export function topicInterest(topics: Uint8Array[]): Structure {
  if (topics.length > MAX_TOPIC_INTEREST) throw new UnencodableError(`more than ${MAX_TOPIC_INTEREST} topics`)
  checkTopics(topics, UnencodableError)
  return topics
}

export function decodeTopicInterest(item: RlpItem): Uint8Array[] {
  return children(item, { max: MAX_TOPIC_INTEREST }).map(topic => {
    if (topic.isList || topic.payload.length !== 4) throw new MalformedError('a topic is not 4 bytes')
    return topic.payload
  })
}
