import { concatBytes, fromHex } from '../src/wire/bytes.js'
import { topicBloom } from '../src/wire/envelope/bloom.js'
import { encodeEnvelope, encodeShortRlp } from '../src/wire/envelope/envelope.js'
import { keyFromPassword } from '../src/wire/envelope/key.js'
import { mineRange, miningBits } from '../src/wire/envelope/pow.js'
import { encodePayload } from '../src/wire/payload/payload.js'
import { publicKeyOf } from '../src/wire/payload/signature.js'
import { sealSymmetric } from '../src/wire/payload/symmetric.js'
import { encodeCursor } from '../src/wire/request/cursor.js'
import {
  type Dialect,
  decodeHistoryRequest,
  encodeHistoryRequest,
  type HistoryRequest
} from '../src/wire/request/history-request.js'
import {
  decodeRequestComplete,
  encodeRequestComplete,
  type RequestComplete
} from '../src/wire/request/request-complete.js'
import { RequestErrorCode } from '../src/wire/request/request-error.js'
import { decodeItem } from '../src/wire/rlp.js'
import { bytesOf, type VectorFile } from './vectors-file.js'

const topic = fromHex('12345678')
const bloom = topicBloom(topic)
const base: HistoryRequest = { lower: 1577836800, upper: 1577923200, bloom, limit: 100 }
const cursor = encodeCursor(1577836900, bytesOf('cursor', 32))
const topics = [topic, fromHex('00000000')]
const all: HistoryRequest = { lower: 0, upper: 0, bloom: new Uint8Array(64).fill(0xff), limit: 0 }

const requests: [Dialect, HistoryRequest][] = [
  ['spec4', base],
  ['spec4', all],
  ['spec5', base],
  ['spec5', { ...base, cursor }],
  ['spec6t', { ...base, topics }],
  ['spec6t', { ...base, topics, cursor }],
  ['spec6t', { lower: 1, upper: 0xffff_ffff, topics, limit: 0xffff_ffff }],
  ['spec6t', { ...base }],
  ['sg6', { ...base, batch: true }],
  ['sg6', { ...base, cursor, batch: true }],
  ['sg7', { ...base, topics, batch: true }],
  ['sg7', { ...base, topics, cursor, batch: false }]
]

const B = `b840${'ff'.repeat(64)}`

/** Payloads that are not written like this but read, with what stands before the length left to `listOf`. */
const liberal: [string, string][] = [
  ['integers with leading zeros', `8400000001880000000000000002${B}820064`],
  ['a null cursor', `0102${B}64c0`],
  ['a null cursor before topics', `0102${B}64c0c58412345678`],
  ['empty topics among others', `0102${B}6480c780841234567880`],
  ['no topics but an empty item', `0102${B}6480c180`],
  ['an empty string for no topics', `0102${B}648080`],
  ['an unknown extension', `0102${B}6480c0c3c20901`],
  ['an unknown extension behind an empty string', `0102${B}648080c3c20901`],
  ['no batch flag', `0102${B}c584123456786480`],
  ['no bloom filter', '01028064']
]

function listOf(items: string): Uint8Array {
  const payload = fromHex(items)
  const header = payload.length < 56 ? [0xc0 + payload.length] : [0xf8, payload.length]
  return concatBytes(Uint8Array.from(header), payload)
}

function plain({ extensions, ...request }: HistoryRequest): object {
  if (extensions === undefined) return request
  return { ...request, extensions: [...extensions].map(([key, value]) => [key, value.raw]) }
}

function sealed(
  password: string,
  key: Uint8Array,
  dialect: Dialect,
  request: HistoryRequest,
  signingKey?: Uint8Array
): object {
  const payload = encodeHistoryRequest(request, dialect)
  const iv = bytesOf(`request iv ${dialect}`, 12)
  const random = (length: number): Uint8Array => bytesOf(`request padding ${dialect}`, length)
  const plaintext = encodePayload({ payload, random, signWith: signingKey })
  const data = sealSymmetric(plaintext, key, { iv })
  const fields = { expiry: 1_700_000_020, ttl: 20, topic: new Uint8Array(4), data }
  const nonce = mineRange(encodeShortRlp(fields), miningBits(fields, 0.002), 0n, 1_000_000)
  if (nonce === undefined) throw new Error('nothing found')
  const envelope = encodeEnvelope({ ...fields, nonce })
  const signer = signingKey === undefined ? {} : { signingKey, signer: publicKeyOf(signingKey) }
  return {
    ...{ dialect, password, key, ...signer, payload, iv, plaintext },
    ...{ expiry: fields.expiry, ttl: fields.ttl, topic: fields.topic, nonce, requestPow: 0.002 },
    ...{ body: envelope.raw, requestId: envelope.hash }
  }
}

export async function requestFile(): Promise<VectorFile> {
  const password = 'status-offline-inbox'
  const key = await keyFromPassword(password)
  const signingKey = bytesOf('signing key', 32)
  return {
    about:
      'History requests: the payload in each form; payloads that a reader on libp2p takes; and whole bodies of 0x7e with the request id. ' +
      'Absent fields are empty on the wire.',
    written: requests.map(([dialect, request]) => ({
      dialect,
      request,
      payload: encodeHistoryRequest(request, dialect)
    })),
    read: liberal.map(([name, items]) => {
      const payload = listOf(items)
      const { dialect, request } = decodeHistoryRequest(payload, { network: 'libp2p' })
      return { name, payload, dialect, request: plain(request) }
    }),
    sealed: [
      sealed(password, key, 'spec6t', { ...base, topics }),
      sealed(password, key, 'spec5', { ...base, cursor }, signingKey),
      sealed(password, key, 'sg7', { ...base, topics, batch: true }, signingKey)
    ]
  }
}

export function completionFile(): VectorFile {
  const requestId = bytesOf('request', 32)
  const lastHash = bytesOf('last', 32)
  const zero = new Uint8Array(32)
  const unknown = new Map([[7, decodeItem(fromHex('c20102'))]])
  const completions: [string, RequestComplete][] = [
    ['nothing was found', { requestId, lastHash: zero }],
    ['nothing more', { requestId, lastHash }],
    ['more', { requestId, lastHash, cursor }],
    ['busy', { requestId, lastHash: zero, error: { code: RequestErrorCode.busy, text: 'busy', retryAfter: 2 } }],
    ...Object.entries(RequestErrorCode).map(([name, code]): [string, RequestComplete] => [
      `error ${name}`,
      { requestId, lastHash: zero, error: { code, text: name } }
    ])
  ]
  const ids = `a0${'11'.repeat(32)}a0${'22'.repeat(32)}`
  const read: [string, string][] = [
    ['no cursor item', `f842${ids}`],
    ['a null cursor', `f843${ids}c0`],
    ['an empty extension list', `f844${ids}80c0`],
    ['an unknown extension', `f848${ids}80c4c307c101`],
    ['a cursor beside an error', `f86d${ids}a4${'33'.repeat(36)}c5c480c20a41`],
    ['further items of an error', `f84b${ids}80c7c680c40a410205`]
  ]
  return {
    about: 'Completions (0x7d) as a list. "read": bodies that a reader takes; beside an error there is no cursor.',
    written: [
      ...completions.map(([name, completion]) => ({ name, completion, body: encodeRequestComplete(completion) })),
      {
        name: 'an unknown extension',
        completion: { requestId, lastHash, extensions: [[7, fromHex('c20102')]] },
        body: encodeRequestComplete({ requestId, lastHash, extensions: unknown })
      }
    ],
    read: read.map(([name, hex]) => {
      const { extensions, ...completion } = decodeRequestComplete(fromHex(hex))
      const others =
        extensions === undefined ? {} : { extensions: [...extensions].map(([key, item]) => [key, item.raw]) }
      return { name, body: fromHex(hex), completion: { ...completion, ...others } }
    })
  }
}
