import { RequestErrorCode } from './request-error.js'

/**
 * The longest error text that we write in the string form: `ERROR=` (6) ‖ request id (32) ‖ text then stays within the
 * 100 bytes past which some deployed clients give the whole connection up.
 */
export const MAX_LEGACY_ERROR_TEXT = 62

/** What deployed servers say word for word, so that deployed clients that compare texts understand us. */
const FIXED_TEXT: Readonly<Partial<Record<number, string>>> = {
  [RequestErrorCode.undecryptable]: 'failed to decrypt p2p request',
  [RequestErrorCode.pow]: 'PoW too low',
  [RequestErrorCode.signature]: 'check message signature failed: wrong signature of p2p request',
  [RequestErrorCode.range]: 'query range is invalid: lower > upper',
  [RequestErrorCode.filter]: 'request is invalid: bloom filter and topics is empty',
  [RequestErrorCode.busy]: 'rate limit exceeded'
}

const PREFIX: Readonly<Partial<Record<number, string>>> = {
  [RequestErrorCode.malformed]: 'failed to decode data: ',
  [RequestErrorCode.bloom]: 'request is invalid: bloom: ',
  [RequestErrorCode.topics]: 'request is invalid: topics: ',
  [RequestErrorCode.cursor]: 'request is invalid: cursor: ',
  [RequestErrorCode.notAllowed]: 'request is invalid: '
}

/** What deployed servers are known to answer, by how it begins. */
const MEANING: ReadonlyArray<readonly [start: string, code: number]> = [
  ['failed to decrypt', RequestErrorCode.undecryptable],
  ['pow too low', RequestErrorCode.pow],
  ['pow() is too low', RequestErrorCode.pow],
  ['check message signature failed', RequestErrorCode.signature],
  ['wrong signature', RequestErrorCode.signature],
  ['query range', RequestErrorCode.range],
  ['request is invalid: query range', RequestErrorCode.range],
  ['request is invalid: bloom filter and topics is empty', RequestErrorCode.filter],
  ['request is invalid: bloom filter is empty', RequestErrorCode.filter],
  ['request is invalid: bloom', RequestErrorCode.bloom],
  ['request is invalid: topic', RequestErrorCode.topics],
  ['request is invalid: cursor', RequestErrorCode.cursor],
  ['request is invalid', RequestErrorCode.notAllowed],
  ['failed to decode data', RequestErrorCode.malformed],
  ['undersized p2p', RequestErrorCode.malformed],
  ['undersized bloom', RequestErrorCode.malformed],
  ['rate limit exceeded', RequestErrorCode.busy]
]

/**
 * The text of a refusal in the string form of 0x7d: at most {@link MAX_LEGACY_ERROR_TEXT} bytes of printable ASCII.
 * A text that says the same in deployed words already, since a legacy server said it, stays as it is.
 */
export function legacyErrorText(code: number, text: string): string {
  const words = legacyErrorCode(text) === code ? text : (FIXED_TEXT[code] ?? `${PREFIX[code] ?? ''}${text}`)
  return words.replace(/[^\x20-\x7e]/gu, '?').slice(0, MAX_LEGACY_ERROR_TEXT)
}

/** Which refusal a legacy server means: its form has no code, only words. An unknown text is code 12. */
export function legacyErrorCode(text: string): number {
  const lower = text.toLowerCase()
  return MEANING.find(([start]) => lower.startsWith(start))?.[1] ?? RequestErrorCode.internal
}
