import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { concatBytes, fromHex, toHex } from '../../src/wire/bytes.js'
import { bloomOf, fullBloom } from '../../src/wire/envelope/bloom.js'
import { encodeEnvelope } from '../../src/wire/envelope/envelope.js'
import { DIALECTS } from '../../src/wire/request/dialect.js'
import type { Dialect, HistoryRequest } from '../../src/wire/request/history-request.js'
import { decodeLegacyPayload, encodeLegacyPayload, legacyMail } from '../../src/wire/request/legacy-mail.js'
import { encodeList, encodeString, encodeUint } from '../../src/wire/rlp.js'

const TOPIC = fromHex('12345678')
const BLOOM = bloomOf([TOPIC])
const B = `b840${toHex(BLOOM)}`
const RANGE = '845e0be100845e0d3280'
const RAW_RANGE = '5e0be1005e0d3280'
const ID = '3031323334353637383961626364656630313233343536373839616263646566'
const CURSOR = `5e0be1ff${'ab'.repeat(32)}`
const range = { lower: 1577836800, upper: 1577923200 }
const asked = { ...range, limit: 100, bloom: BLOOM }
const topics = [TOPIC]
const cursor = fromHex(CURSOR)
const mail = legacyMail({ capability: 'shh/6', plain: true })

/** The same request in every form, worked out by hand. */
const SEALED: [dialect: Dialect, request: HistoryRequest, payload: string][] = [
  ['spec4', asked, `f84d${RANGE}${B}64`],
  ['spec5', asked, `f84e${RANGE}${B}6480`],
  ['spec6t', { ...asked, topics }, `f854${RANGE}${B}6480c58412345678`],
  ['sg6', { ...asked, batch: true }, `f84f${RANGE}${B}648001`],
  ['sg7', { ...asked, topics, batch: true }, `f855${RANGE}${B}c58412345678648001`],
  ['sg7', { ...asked, cursor, batch: false }, `f874${RANGE}${B}c064a4${CURSOR}80`],
  ['raw8', { ...range, bloom: fullBloom(), limit: 0 }, RAW_RANGE],
  ['raw12', { ...range, topics, limit: 0 }, `${RAW_RANGE}12345678`],
  ['raw72', { ...asked, limit: 0 }, `${RAW_RANGE}${toHex(BLOOM)}`],
  ['raw76', asked, `${RAW_RANGE}${toHex(BLOOM)}00000064`],
  ['raw112', { ...asked, cursor }, `${RAW_RANGE}${toHex(BLOOM)}00000064${CURSOR}`]
]

const PLAIN: ['plain6' | 'plain7', HistoryRequest, string][] = [
  ['plain6', asked, `f86fa0${ID}${RANGE}6480${B}`],
  ['plain6', { ...asked, cursor }, `f893a0${ID}${RANGE}64a4${CURSOR}${B}`],
  ['plain7', { ...range, limit: 100, topics }, `f4a0${ID}${RANGE}648080c58412345678`],
  ['plain7', { ...asked, topics }, `f875a0${ID}${RANGE}6480${B}c58412345678`],
  ['plain7', asked, `f870a0${ID}${RANGE}6480${B}c0`]
]

function refusal(code: number): (error: unknown) => boolean {
  return error => (error as Error).name === 'RequestError' && (error as { code?: number }).code === code
}

function payload(...items: (number | string | Uint8Array)[]): Uint8Array {
  return encodeList(
    items.map(item =>
      typeof item === 'number' ? encodeUint(item) : typeof item === 'string' ? fromHex(item) : encodeString(item)
    )
  )
}

test('reads an encrypted request in every form and tells which it was [D-01]', () => {
  for (const [dialect, request, bytes] of SEALED) {
    assert.deepEqual(decodeLegacyPayload(fromHex(bytes)), { dialect, request }, dialect)
  }
})

test('writes each form byte for byte, with a bloom filter that covers the topics', () => {
  for (const [dialect, request, bytes] of SEALED) {
    if (dialect !== 'raw12') assert.equal(toHex(encodeLegacyPayload(request, dialect)), bytes, dialect)
  }
  const raw12 = encodeLegacyPayload({ ...range, topics, limit: 0 }, 'raw12')
  assert.equal(toHex(raw12), `${RAW_RANGE}12345678`)
  const sg7 = encodeLegacyPayload({ ...range, topics, limit: 100 }, 'sg7')
  assert.equal(toHex(sg7), `f855${RANGE}${B}c58412345678648001`)
})

test('asks by bloom filter where a form cannot name topics', () => {
  for (const dialect of ['spec5', 'sg6', 'raw72', 'raw76'] as const) {
    const written = decodeLegacyPayload(encodeLegacyPayload({ ...range, topics, limit: 7 }, dialect)).request
    assert.deepEqual(written.bloom, BLOOM, dialect)
    assert.equal(written.topics, undefined)
  }
})

test('asks for nothing newer than deployed servers can count', () => {
  const late = { ...asked, upper: 0xffff_ffff }
  for (const dialect of ['sg7', 'sg6', 'raw72'] as const) {
    assert.equal(decodeLegacyPayload(encodeLegacyPayload(late, dialect)).request.upper, 0xffff_fffe)
  }
  assert.equal(decodeLegacyPayload(encodeLegacyPayload({ ...asked, upper: 0 }, 'sg7')).request.upper, 0)
  // without RLP, 0 is taken literally
  assert.equal(decodeLegacyPayload(encodeLegacyPayload({ ...asked, upper: 0 }, 'raw72')).request.upper, 0xffff_fffe)
})

test('a form that has no place for what is asked is not written', () => {
  const wrong: [Dialect, HistoryRequest][] = [
    ['raw8', { ...asked, cursor }],
    ['raw72', { ...asked, cursor }],
    ['raw76', { ...asked, cursor }],
    ['raw112', asked],
    ['raw72', { ...range, limit: 0 }],
    ['raw12', asked],
    ['raw12', { ...range, topics: [TOPIC, TOPIC], limit: 0 }],
    ['raw76', { ...asked, limit: 2 ** 32 }],
    ['raw72', { ...asked, bloom: new Uint8Array(63) }],
    ['raw112', { ...asked, cursor: new Uint8Array(35) }],
    ['plain6', asked],
    ['spec4', { ...asked, cursor }]
  ]
  for (const [dialect, request] of wrong) {
    assert.throws(() => encodeLegacyPayload(request, dialect), { name: 'UnencodableError' }, dialect)
  }
})

test('payloads without RLP of other lengths are read as far as whole fields go, without a cursor', () => {
  const full = fromHex(`${RAW_RANGE}${toHex(BLOOM)}00000064${CURSOR}`)
  for (let length = 0; length < 200; length++) {
    const bytes = concatBytes(full, new Uint8Array(100)).subarray(0, length)
    if (length !== 8 && length !== 12 && length < 72) {
      assert.throws(() => decodeLegacyPayload(bytes), refusal(1), `${length}`)
      continue
    }
    const expected =
      length === 8 ? 'raw8' : length === 12 ? 'raw12' : length < 76 ? 'raw72' : length === 112 ? 'raw112' : 'raw76'
    const { dialect, request } = decodeLegacyPayload(bytes)
    assert.equal(dialect, expected, `${length}`)
    assert.equal(request.limit, length < 76 ? 0 : 100)
    assert.equal(request.cursor !== undefined, length === 112)
  }
})

test('a payload that begins like a list but is none is read by its length', () => {
  const late = fromHex(`f84d${RAW_RANGE.slice(4)}${toHex(BLOOM)}`)
  assert.equal(decodeLegacyPayload(late).dialect, 'raw72')
  assert.equal(decodeLegacyPayload(late).request.lower, 0xf84de100)
})

test('six items ending in 80 are the older form on this network, ending in a list those of the specification [D-01]', () => {
  const older = decodeLegacyPayload(fromHex(`f84f${RANGE}${B}648080`))
  assert.deepEqual(older, { dialect: 'sg6', request: { ...asked, batch: false } })
  assert.equal(decodeLegacyPayload(fromHex(`f84f${RANGE}${B}6480c0`)).dialect, 'spec6t')
  // topics before the limit, batch missing
  assert.equal(decodeLegacyPayload(fromHex(`f854${RANGE}${B}c584123456786480`)).dialect, 'sg7')
})

test('an encrypted request that is wrong inside is refused for what is wrong', () => {
  const wrong: [code: number, bytes: Uint8Array][] = [
    [7, payload(1, 2, new Uint8Array(63), 'c0', 1, '80', 1)],
    [8, payload(1, 2, BLOOM, 'c483123456', 1, '80', 1)],
    [8, payload(1, 2, BLOOM, 1, 'c58412345678')],
    [9, payload(1, 2, BLOOM, 'c0', 1, new Uint8Array(35), 1)],
    [1, payload(1, 2, BLOOM)],
    [1, payload(2 ** 32, 2, BLOOM, 1)],
    [1, payload('c0', 2, BLOOM, 1)],
    [1, payload(1, 2, BLOOM, 1, '80', 2)]
  ]
  for (const [code, bytes] of wrong) assert.throws(() => decodeLegacyPayload(bytes), refusal(code), toHex(bytes))
})

test('reads and writes requests in the open [D-01]', () => {
  for (const [dialect, request, bytes] of PLAIN) {
    const plain = mail.decodePlain?.(fromHex(bytes))
    assert.equal(plain?.dialect, dialect)
    assert.equal(toHex(plain.requestId), ID)
    assert.deepEqual(plain.read(), request)
    if (request.topics === undefined || request.bloom !== undefined) {
      assert.equal(toHex(mail.encodePlain?.(request, dialect, fromHex(ID)) as Uint8Array), bytes)
    }
  }
  const covered = mail.encodePlain?.({ ...range, limit: 100, topics }, 'plain7', fromHex(ID)) as Uint8Array
  assert.equal(toHex(covered), PLAIN[3]?.[2])
  const byBloom = mail.encodePlain?.({ ...range, limit: 100, topics }, 'plain6', fromHex(ID)) as Uint8Array
  assert.equal(toHex(byBloom), PLAIN[0]?.[2])
  assert.throws(() => mail.encodePlain?.(asked, 'plain6', new Uint8Array(31)), { name: 'UnencodableError' })
})

test('an envelope is never taken for a request in the open, nor is anything else of another shape', () => {
  const envelope = encodeEnvelope({ expiry: 9, ttl: 3, topic: TOPIC, data: new Uint8Array(40), nonce: 7n })
  assert.equal(mail.decodePlain?.(envelope.raw), undefined)
  const id = fromHex(ID)
  for (const other of [
    payload(id, 1, 2, 3, '80'),
    payload(id.subarray(1), 1, 2, 3, '80', BLOOM),
    payload(id, 2 ** 32, 2, 3, '80', BLOOM),
    payload(id, 1, 2, 'c0', '80', BLOOM),
    payload(id, 1, 2, 3, 'c0', BLOOM),
    payload(id, 1, 2, 3, '80', 'c0'),
    payload(id, 1, 2, 3, '80', BLOOM, '80'),
    payload(id, 1, 2, 3, '80', BLOOM, 'c0', 1),
    payload()
  ]) {
    assert.equal(mail.decodePlain?.(other), undefined, toHex(other))
  }
  for (const none of ['80', 'f8', `a0${ID}`, '']) {
    assert.throws(() => mail.decodePlain?.(fromHex(none)), { name: 'MalformedError' }, none)
  }
})

test('a request in the open is refused unless it is allowed, by an answer that names its id [D-02]', () => {
  for (const [dialect, , bytes] of PLAIN) {
    const plain = legacyMail({ capability: 'waku/1' }).decodePlain?.(fromHex(bytes))
    assert.equal(plain?.dialect, dialect)
    assert.equal(toHex(plain.requestId), ID)
    assert.throws(() => plain.read(), refusal(11))
  }
})

test('a request in the open that is wrong inside still says its id [D-03]', () => {
  const id = fromHex(ID)
  for (const [code, body] of [
    [7, payload(id, 1, 2, 3, '80', new Uint8Array(63))],
    [8, payload(id, 1, 2, 3, '80', BLOOM, 'c483123456')],
    [9, payload(id, 1, 2, 3, new Uint8Array(37), BLOOM)]
  ] as const) {
    const plain = mail.decodePlain?.(body)
    assert.equal(toHex(plain?.requestId as Uint8Array), ID)
    assert.throws(() => plain?.read(), refusal(code))
  }
})

test('any bytes are read, refused or malformed, and never anything else', () => {
  const near = fc.constantFrom(
    ...SEALED.map(([, , bytes]) => fromHex(bytes)),
    ...PLAIN.map(([, , bytes]) => fromHex(bytes))
  )
  const altered = fc.tuple(near, fc.nat(), fc.integer({ min: 0, max: 255 })).map(([bytes, at, value]) => {
    const copy = bytes.slice()
    copy[at % copy.length] = value
    return copy
  })
  fc.assert(
    fc.property(fc.oneof(altered, fc.uint8Array({ maxLength: 130 })), bytes => {
      for (const read of [() => decodeLegacyPayload(bytes), () => mail.decodePlain?.(bytes)?.read()]) {
        try {
          read()
        } catch (error) {
          assert.ok(['RequestError', 'MalformedError'].includes((error as Error).name), String(error))
        }
      }
    }),
    { numRuns: 3000 }
  )
})

test('every form that a server may be asked in can be written', () => {
  for (const init of [
    { capability: 'waku/1' },
    { capability: 'waku/0' },
    { capability: 'shh/6' },
    { capability: 'shh/6', short: true }
  ] as const) {
    const codec = legacyMail(init)
    assert.ok(codec.dialects.includes(codec.defaultDialect))
    for (const dialect of codec.dialects) {
      const request = { ...range, topics, limit: 10, ...(dialect === 'raw112' ? { cursor } : {}) }
      if (dialect === 'plain6' || dialect === 'plain7') {
        assert.equal(
          codec.decodePlain?.(codec.encodePlain?.(request, dialect, fromHex(ID)) as Uint8Array)?.dialect,
          dialect
        )
      } else {
        assert.equal(codec.decodePayload(codec.encodePayload(request, dialect)).dialect, dialect)
      }
    }
  }
  assert.equal(Object.keys(DIALECTS).length, 12)
})
