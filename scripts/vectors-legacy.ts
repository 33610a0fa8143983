import { fromHex, joinBytes } from '../src/wire/bytes.js'
import { bloomOf, fullBloom } from '../src/wire/envelope/bloom.js'
import { encodeEnvelope } from '../src/wire/envelope/envelope.js'
import { keyFromPassword } from '../src/wire/envelope/key.js'
import { keccak256 } from '../src/wire/keccak.js'
import { shh6Status, waku0Status } from '../src/wire/packet/legacy-status.js'
import type { StatusOptions } from '../src/wire/packet/status.js'
import { waku1Status } from '../src/wire/packet/status-codec.js'
import { encodePayload } from '../src/wire/payload/payload.js'
import { sealSymmetric } from '../src/wire/payload/symmetric.js'
import { encodeCursor } from '../src/wire/request/cursor.js'
import { DIALECTS, type P2PForm, p2pForm } from '../src/wire/request/dialect.js'
import type { Dialect, HistoryRequest, PlainDialect } from '../src/wire/request/history-request.js'
import { legacyMail } from '../src/wire/request/legacy-mail.js'
import { encodeP2PBodies } from '../src/wire/request/p2p-body.js'
import type { RequestComplete } from '../src/wire/request/request-complete.js'
import { RequestErrorCode } from '../src/wire/request/request-error.js'
import { bytesOf, type VectorFile } from './vectors-file.js'

const topics = [fromHex('c0ffee01'), fromHex('0badcafe')]
const range = { lower: 1_600_000_000, upper: 1_600_086_400 }
const cursor = encodeCursor(1_600_050_000, bytesOf('last envelope', 32))
const id = bytesOf('request id', 32)
const limits = { ip: 20, peer: 10, topic: 0 }

function statusFile(): VectorFile {
  const cases: [name: string, options: StatusOptions][] = [
    ['nothing said', {}],
    ['proof of work 0.002', { pow: 0.002 }],
    ['everything', { pow: 0.002, bloom: fullBloom(), light: false, confirmations: true, packetLimits: limits }],
    ['a bloom filter of two topics', { pow: 0.000002, bloom: bloomOf(topics), confirmations: false }],
    ['exact topics', { pow: 0.000002, topics, confirmations: true }],
    ['a light node', { pow: 0, light: true }]
  ]
  const read: [capability: string, name: string, body: string][] = [
    ['waku/0', 'positional', 'c98080808001c3140a80'],
    ['waku/0', 'positional, version only', 'c180'],
    ['shh/6', 'version only', 'c106'],
    ['shh/6', 'EIP-627', 'cb06883f60624dd2f1a9fc80'],
    ['shh/6', 'with the light flag, as go-ethereum writes it', 'cc06883f60624dd2f1a9fc8001']
  ]
  const codecs = { 'waku/1': waku1Status, 'waku/0': waku0Status, 'shh/6': shh6Status } as const
  return {
    about:
      'Status (0x00) and updates. Written: what each capability says for the same options. Read only: other forms.',
    written: cases.flatMap(([name, options]) =>
      Object.entries(codecs).map(([capability, codec]) => ({
        name,
        options,
        capability,
        status: codec.encodeStatus(options),
        update: codec.encodeUpdate(options)
      }))
    ),
    readOnly: read.map(([capability, name, body]) => ({
      capability,
      name,
      body,
      options: codecs[capability as keyof typeof codecs].decodeStatus(fromHex(body))
    })),
    malformed: [
      ['waku/0', 'version 1', 'c201c0'],
      ['waku/0', 'a proof of work that is no number', 'cd80cbca30887ff8000000000000'],
      ['shh/6', 'version 5', 'c105'],
      ['shh/6', 'a negative proof of work', 'ca0688bff0000000000000'],
      ['shh/6', 'a bloom filter of 3 bytes', 'c6068083010203']
    ].map(([capability, name, body]) => ({ capability, name, body }))
  }
}

async function requestFile(): Promise<VectorFile> {
  const bloom = bloomOf(topics)
  const whole = { ...range, bloom, limit: 250 }
  const cases: [Dialect, HistoryRequest][] = [
    ['spec4', whole],
    ['spec5', { ...whole, cursor }],
    ['spec6t', { ...whole, topics }],
    ['sg6', { ...whole, batch: true }],
    ['sg6', { ...whole, cursor, batch: false }],
    ['sg7', { ...whole, topics, batch: true }],
    ['sg7', { ...whole, cursor, batch: false }],
    ['plain6', { ...whole, cursor }],
    ['plain7', { ...whole, topics }],
    ['raw8', { ...range, bloom: fullBloom(), limit: 0 }],
    ['raw12', { ...range, topics: topics.slice(0, 1), limit: 0 }],
    ['raw72', { ...range, bloom, limit: 0 }],
    ['raw76', whole],
    ['raw112', { ...whole, cursor }]
  ]
  const mail = legacyMail({ capability: 'shh/6', plain: true })
  const password = 'a password of the vectors'
  const key = await keyFromPassword(password)
  const seal = (payload: Uint8Array, at: number): Uint8Array => {
    const padding = new Uint8Array(20).fill(at)
    const signWith = new Uint8Array(32).fill(0x51)
    const data = sealSymmetric(encodePayload({ payload, padding, signWith }), key, { iv: new Uint8Array(12).fill(at) })
    return encodeEnvelope({ expiry: 1_600_100_050, ttl: 50, topic: new Uint8Array(4), data, nonce: 0n }).raw
  }
  return {
    about:
      'P2P Request (0x7e). `payload` is what the envelope holds, encrypted for the password and signed; `body` the packet.',
    password,
    key,
    vectors: cases.map(([dialect, request], at) => {
      if (!DIALECTS[dialect].sealed) {
        const body = mail.encodePlain?.(request, dialect as PlainDialect, id) as Uint8Array
        return { dialect, request, requestId: id, body }
      }
      const payload = dialect === 'raw12' ? fromHex('5f5e10005f5f6180c0ffee01') : mail.encodePayload(request, dialect)
      const body = seal(payload, at)
      return { dialect, request, payload, requestId: keccak256(body), body }
    })
  }
}

function completionFile(): VectorFile {
  const lastHash = bytesOf('last envelope', 32)
  const cases: [name: string, complete: RequestComplete][] = [
    ['more exists', { requestId: id, lastHash, cursor }],
    ['nothing more', { requestId: id, lastHash }],
    ['nothing found', { requestId: id, lastHash: new Uint8Array(32) }],
    ...Object.entries(RequestErrorCode).map(([name, code]): [string, RequestComplete] => [
      `refused: ${name}`,
      { requestId: id, lastHash: new Uint8Array(32), error: { code, text: 'what was wrong' } }
    ])
  ]
  const mail = legacyMail({ capability: 'waku/1' })
  return {
    about:
      'P2P Request Complete (0x7d): as one string, and as a list of three items for the forms of the specification.',
    vectors: cases.map(([name, complete]) => ({
      name,
      complete,
      string: mail.encodeComplete(complete, 'sg7'),
      list: mail.encodeComplete(complete, 'spec5')
    }))
  }
}

function deliveryFile(): VectorFile {
  const envelopes = topics.map((topic, at) => {
    const data = new Uint8Array(30 + at).fill(0xd0 + at)
    return encodeEnvelope({ expiry: 1_600_000_100 + at, ttl: 100, topic, data, nonce: BigInt(at) }).raw
  })
  const forms: P2PForm[] = ['list', 'lists-of-one', 'bare', 'list-or-bare']
  return {
    about:
      'P2P Message (0x7f): the bodies that deliver one or two envelopes in each form, and which form an answer has.',
    envelopes,
    bodies: forms.map(form => ({
      form,
      one: encodeP2PBodies(envelopes.slice(0, 1), form).map(joinBytes),
      two: encodeP2PBodies(envelopes, form).map(joinBytes)
    })),
    forms: (['waku/1', 'waku/0', 'shh/6'] as const).flatMap(capability =>
      (Object.keys(DIALECTS) as Dialect[]).flatMap(dialect =>
        (dialect.startsWith('sg') ? [true, false] : [undefined]).map(batch => ({
          capability,
          dialect,
          batch,
          form: p2pForm(capability, { dialect, batch })
        }))
      )
    )
  }
}

/** The files of the legacy forms: what devp2p peers of each kind write, and how they are answered. */
export async function legacyFiles(): Promise<Record<string, VectorFile>> {
  return {
    'legacy-completion.json': completionFile(),
    'legacy-p2p-message.json': deliveryFile(),
    'legacy-request.json': await requestFile(),
    'legacy-status.json': statusFile()
  }
}
