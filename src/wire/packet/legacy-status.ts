import { MAX_UINT32 } from '../bytes.js'
import { BLOOM_BYTES, bloomOf, fullBloom, isFullBloom } from '../envelope/bloom.js'
import { MalformedError, UnencodableError } from '../errors.js'
import { decodeUint, type RlpItem } from '../rlp.js'
import { children, decodeItem, decodeList, encodeStructure, NOTHING, type Structure, uint } from '../structure.js'
import { PacketCode } from './packet-code.js'
import {
  decodeBloom,
  decodeLimits,
  decodeOption,
  decodePow,
  decodeTopicInterest,
  limitsStructure,
  optionValues,
  powBits,
  type StatusOptions
} from './status.js'
import type { StatusCodec } from './status-codec.js'

/** Codes that change a single wish, of shh/6 (EIP-627) and the early waku/0. waku/1 knows only Status Update. */
export const WishCode = { pow: 0x02, bloom: 0x03, rateLimits: 0x14, topics: 0x15 } as const

const SHH_VERSION = 6
const WAKU0_VERSION = 0
/** waku/0 knows the options 0 to 5, written as the digits. */
const DIGIT_ZERO = 0x30
const WAKU0_OPTIONS = 6
const NO_LIMITS = { ip: 0, peer: 0, topic: 0 }

/**
 * shh/6: `[6, pow, bloom, light, confirmations, [ip, peer, topic]]`, written without holes, as Whisper asks. It has no
 * exact topics: their bloom filter stands for them.
 */
export const shh6Status: StatusCodec = {
  encodeStatus: options =>
    encodeStructure([
      uint(SHH_VERSION),
      uint(powBits(options.pow ?? 0)),
      bloomOrNothing(options),
      uint(options.light === true ? 1 : 0),
      uint(options.confirmations === true ? 1 : 0),
      limitsStructure(options.packetLimits ?? NO_LIMITS)
    ]),
  decodeStatus: body => positional(body, SHH_VERSION),
  encodeUpdate: encodeWishes,
  decodeUpdate: (code, body) => (code === WishCode.topics ? undefined : decodeWish(code, body))
}

/**
 * waku/0. Written as `[0, [["0", pow], …]]`; also read as `[0, pow, bloom, light, confirmations, [ip, peer, topic]]`.
 * The two kinds of program share no update: a change is said in both ways, the one that says everything last.
 */
export const waku0Status: StatusCodec = {
  encodeStatus: options => encodeStructure([uint(WAKU0_VERSION), pairs(options)]),
  decodeStatus: body => (isPositionalWaku0(body) ? positional(body, WAKU0_VERSION) : pairsOfStatus(body)),
  encodeUpdate: options => [
    ...encodeWishes({ pow: options.pow, bloom: options.bloom, topics: options.topics }),
    { code: PacketCode.StatusUpdate, body: encodeStructure(pairs(options)) }
  ],
  decodeUpdate: (code, body) =>
    code === PacketCode.StatusUpdate ? decodePairs(decodeItem(body)) : decodeWish(code, body)
}

/**
 * Whether a waku/0 Status is of the early kind. Its sender reads nothing from a Status of pairs, so it should be told
 * our wishes once more by `encodeUpdate`.
 * @throws MalformedError
 */
export function isPositionalWaku0(body: Uint8Array): boolean {
  return decodeList(body)[1]?.isList !== true
}

/**
 * Whether a shh/6 Status ends with the light flag or earlier: such peers (go-ethereum, nim) take 0x7f as bare
 * envelopes only.
 * @throws MalformedError
 */
export function isShortShh6(body: Uint8Array): boolean {
  return decodeList(body).length <= 4
}

/** Only the version has to be there; items past the sixth are ignored. */
function positional(body: Uint8Array, expected: number): StatusOptions {
  const [version, ...values] = decodeList(body, { max: 256 })
  if (version === undefined) throw new MalformedError('a Status begins with a version')
  const found = decodeUint(version, { max: MAX_UINT32 })
  if (found !== expected) throw new MalformedError(`a Status of version ${found}, not ${expected}`)
  const options: StatusOptions = { bloom: fullBloom() }
  for (const [key, value] of values.slice(0, 5).entries()) decodeOption(options, key, value)
  return options
}

function pairsOfStatus(body: Uint8Array): StatusOptions {
  const [version, options] = decodeList(body, { max: 256 })
  if (version === undefined || options === undefined) throw new MalformedError('a Status is a version and options')
  const found = decodeUint(version, { max: MAX_UINT32 })
  if (found !== WAKU0_VERSION) throw new MalformedError(`a Status of version ${found}, not ${WAKU0_VERSION}`)
  return decodePairs(options)
}

function pairs(options: StatusOptions): Structure[] {
  const known = optionValues(options).filter(([key]) => key < WAKU0_OPTIONS)
  return known.map(([key, value]) => [Uint8Array.of(DIGIT_ZERO + key), value])
}

function decodePairs(item: RlpItem): StatusOptions {
  const options: StatusOptions = {}
  for (const pair of children(item, { max: 256 })) {
    const [key, value] = children(pair, { max: 256 })
    if (key === undefined || value === undefined) throw new MalformedError('an option is a key and a value')
    if (key.isList) throw new MalformedError('the key of an option is a list')
    const digit = key.payload.length === 1 ? (key.payload[0] as number) - DIGIT_ZERO : -1
    if (digit >= 0 && digit < WAKU0_OPTIONS) decodeOption(options, digit, value)
  }
  return options
}

/** What everyone takes is written as the empty string, as deployed programs do. */
function bloomOrNothing({ bloom, topics }: StatusOptions): Uint8Array {
  const filter = topics === undefined ? bloom : bloomOf(topics)
  return filter === undefined || isFullBloom(filter) ? NOTHING : checkedBloom(filter)
}

function checkedBloom(filter: Uint8Array): Uint8Array {
  if (filter.length !== BLOOM_BYTES) throw new UnencodableError('a bloom filter is 64 bytes')
  return filter
}

function encodeWishes({ pow, bloom, topics, packetLimits }: StatusOptions): { code: number; body: Uint8Array }[] {
  const packets: { code: number; body: Uint8Array }[] = []
  const filter = topics === undefined ? bloom : bloomOf(topics)
  if (pow !== undefined) packets.push({ code: WishCode.pow, body: encodeStructure(uint(powBits(pow))) })
  if (filter !== undefined) packets.push({ code: WishCode.bloom, body: encodeStructure(checkedBloom(filter)) })
  if (packetLimits !== undefined)
    packets.push({ code: WishCode.rateLimits, body: encodeStructure(limitsStructure(packetLimits)) })
  return packets
}

function decodeWish(code: number, body: Uint8Array): StatusOptions | undefined {
  switch (code) {
    case WishCode.pow:
      return { pow: decodePow(decodeItem(body)) }
    case WishCode.bloom: {
      const item = decodeItem(body)
      if (item.empty) throw new MalformedError('a bloom filter is 64 bytes')
      return { bloom: decodeBloom(item) }
    }
    case WishCode.rateLimits:
      return { packetLimits: decodeLimits(decodeItem(body)) }
    case WishCode.topics:
      return { topics: decodeTopicInterest(decodeItem(body)) }
    default:
      return undefined
  }
}
