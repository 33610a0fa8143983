import { concatBytes, fromHex } from '../src/wire/bytes.js'
import { RequestErrorCode } from '../src/wire/request/request-error.js'
import { encodeList, encodeString, listHeader } from '../src/wire/rlp.js'
import { bytesOf, type VectorFile } from './vectors-file.js'

type Case = [why: string, bytes: Uint8Array]

const list = (...items: string[]): Uint8Array => encodeList(items.map(fromHex))
const hex = (text: string): Uint8Array => fromHex(text)

const ENVELOPE = ['846553f10a', '0a', '8401020304', '82aabb', '01']
const having = (index: number, item: string): Uint8Array => list(...ENVELOPE.with(index, item))

const envelopes: Case[] = [
  ['four items', list(...ENVELOPE.slice(0, 4))],
  ['six items', list(...ENVELOPE, '01')],
  ['a string for a list', hex('8401020304')],
  ['bytes behind it', concatBytes(list(...ENVELOPE), hex('00'))],
  ['cut short', list(...ENVELOPE).subarray(0, -1)],
  ['its length in the long form', concatBytes(hex('f80f'), list(...ENVELOPE).subarray(1))],
  ['an expiry of 5 bytes', having(0, '850100000000')],
  ['an expiry with a leading zero', having(0, '850001020304')],
  ['a ttl of one zero byte', having(1, '00')],
  ['a ttl with a header it does not need', having(1, '8101')],
  ['a topic of 3 bytes', having(2, '83010203')],
  ['a topic of 5 bytes', having(2, '850102030405')],
  ['data that is a list', having(3, 'c101')],
  ['a nonce of 9 bytes', having(4, '89010000000000000000')],
  ['a nonce with a leading zero', having(4, '820001')]
]

const frames: Case[] = [
  ['no body', hex('c101')],
  ['a string', hex('8201c0')],
  ['a code of 128', hex('c38180c0')],
  ['a code with a leading zero', hex('c200c0')],
  ['a body cut short', hex('c301c2c0')],
  ['bytes behind it', hex('c201c000')]
]

const pow = (bits: string): Uint8Array => list(`ca8088${bits}`)
const statuses: Case[] = [
  ['a string', hex('80')],
  ['proof of work NaN', pow('7ff8000000000000')],
  ['proof of work infinite', pow('7ff0000000000000')],
  ['proof of work negative', pow('bf60624dd2f1a9fc')],
  ['a bloom filter of 63 bytes', encodeList([encodeList([hex('01'), encodeString(new Uint8Array(63))])])],
  ['a bloom filter of 65 bytes', encodeList([encodeList([hex('01'), encodeString(new Uint8Array(65))])])],
  ['a flag of 2', list('c20202')],
  ['a pair without a value', list('c102')],
  ['a pair that is a string', list('02')],
  ['a key that is a list', list('c2c001')],
  ['a topic of 3 bytes', list('c605c483010203')],
  ['two limits for three', list('c404c20102')],
  ['a version before the list', hex('cd01cbca80884000666666666666')],
  ['cut short', hex('c2c202')]
]

const messages: Case[] = [
  ['a string', hex('80')],
  ['nothing', hex('')],
  ['cut short', hex('c3820102').subarray(0, 3)],
  ['bytes behind it', hex('c000')],
  ['a claimed length of 4 GiB', hex('fbffffffff')],
  ['a claimed length of 2^64 - 1', hex('ffffffffffffffffff')]
]

const ID = `a0${'11'.repeat(32)}`
const LAST = `a0${'22'.repeat(32)}`
const completions: Case[] = [
  ['a string', encodeString(bytesOf('string completion', 64))],
  ['a request id only', list(ID)],
  ['a request id of 31 bytes', list(`9f${'11'.repeat(31)}`, LAST)],
  ['a cursor of 35 bytes', list(ID, LAST, `a3${'33'.repeat(35)}`)],
  ['a cursor of 40 bytes', list(ID, LAST, `a8${'33'.repeat(40)}`)],
  ['an extension item that is a string', list(ID, LAST, '80', '80')],
  ['an error without text', list(ID, LAST, '80', 'c4c380c101')]
]

const plaintexts: Case[] = [
  ['nothing', hex('')],
  ['no length', hex('01')],
  ['a length beyond the end', hex('0103aabb')],
  ['a length of 3 bytes beyond the end', hex('03ffffffaabb')],
  ['nothing but a signature', hex(`04${'01'.repeat(65)}`)],
  ['a payload that reaches into the signature', hex(`0502aa${'01'.repeat(65)}`)],
  ['a signature of zeros', hex(`0500${'00'.repeat(65)}`)],
  ['a last byte of the signature that is none', hex(`0500${'01'.repeat(64)}1d`)]
]

const B = `b840${'ff'.repeat(64)}`
const CURSOR = `a4${'05'.repeat(36)}`
const TOPICS = 'c58412345678'
const { malformed, bloom, topics, cursor } = RequestErrorCode
const many = encodeList(Array.from({ length: 1001 }, (_, i) => hex(`8400${i.toString(16).padStart(6, '0')}`)))
const requests: [code: number, why: string, payload: Uint8Array][] = [
  [malformed, 'nothing', hex('')],
  [malformed, 'three items', list('01', '02', B)],
  [malformed, 'raw, 8 bytes', hex('5e0be1005e0d3280')],
  [malformed, 'raw, 72 bytes', hex(`5e0be1005e0d3280${'ff'.repeat(64)}`)],
  [malformed, 'bytes behind the list', concatBytes(list('01', '02', B, '64'), hex('00'))],
  [malformed, 'a lower bound of 33 bits', list('850100000000', '02', B, '64')],
  [malformed, 'a limit of 33 bits', list('01', '02', B, '850100000000', '80', 'c0')],
  [malformed, 'a batch flag of 2', list('01', '02', B, '64', '80', '02')],
  [malformed, 'an extension item that is a string', list('01', '02', B, '64', '80', TOPICS, '01')],
  [bloom, 'a bloom filter of 63 bytes', list('01', '02', `b83f${'ff'.repeat(63)}`, '64')],
  [bloom, 'a bloom filter of 65 bytes beside topics', list('01', '02', `b841${'ff'.repeat(65)}`, '64', '80', TOPICS)],
  [topics, 'topics without a cursor item', list('01', '02', B, '64', TOPICS)],
  [topics, 'a topic of 3 bytes', list('01', '02', B, '64', '80', 'c483010203')],
  [topics, 'a topic of 5 bytes', list('01', '02', B, 'c6850102030405', '64', '80', '01')],
  [topics, '1001 topics', encodeList([hex('01'), hex('02'), hex('80'), hex('64'), hex('80'), many])],
  [cursor, 'a cursor of 35 bytes', list('01', '02', B, '64', `a3${'05'.repeat(35)}`)],
  [cursor, 'a cursor of 40 bytes', list('01', '02', B, TOPICS, '64', `a8${'05'.repeat(40)}`, '01')],
  [cursor, 'a cursor that is a list of something', list('01', '02', B, '64', 'c101', TOPICS)]
]

/** Lists inside lists, `depth` deep. */
function nested(depth: number): Uint8Array {
  let bytes = hex('c0')
  for (let i = 1; i < depth; i++) bytes = concatBytes(listHeader(bytes.length), bytes)
  return bytes
}

/** Well formed, but refused for what it asks: `now` is 1700000000. */
const settled: [code: number, why: string, payload: Uint8Array][] = [
  [RequestErrorCode.range, 'lower above upper', list('03', '02', B, '64')],
  [RequestErrorCode.range, 'lower above now + 60', list('846553f13d', '80', B, '64')],
  [RequestErrorCode.filter, 'neither topics nor bloom filter', list('01', '02', '80', '64')],
  [RequestErrorCode.filter, 'topics that are all empty', list('01', '02', '80', '64', '80', 'c28080')],
  [cursor, 'a cursor outside the range', list('01', '02', B, '64', CURSOR)]
]

export function malformedFile(): VectorFile {
  const cases = (group: Case[]): object[] => group.map(([why, bytes]) => ({ why, bytes }))
  const coded = (group: typeof requests): object[] => group.map(([code, why, payload]) => ({ why, code, payload }))
  return {
    about:
      'Bytes that must be refused. Requests name the error code of the completion; "asks" are well-formed payloads refused for what they ask, ' +
      'with a clock at 1700000000. A bad envelope inside a good list is refused alone.',
    frames: cases(frames),
    envelopes: [...cases(envelopes), { why: 'lists 500 deep', bytes: nested(500) }],
    statuses: cases(statuses),
    messages: cases(messages),
    completions: cases(completions),
    plaintexts: cases(plaintexts),
    requests: coded(requests),
    asks: coded(settled)
  }
}
