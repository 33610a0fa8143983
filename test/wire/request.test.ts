import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { fromHex, toHex } from '../../src/wire/bytes.js'
import { topicBloom } from '../../src/wire/envelope/bloom.js'
import { UnencodableError } from '../../src/wire/errors.js'
import {
  type Dialect,
  decodeHistoryRequest,
  encodeHistoryRequest,
  type HistoryRequest
} from '../../src/wire/request/history-request.js'
import { decodeItem, encodeList } from '../../src/wire/rlp.js'

const bloom = topicBloom(fromHex('12345678'))
const topics = [fromHex('12345678')]
const base: HistoryRequest = { lower: 1577836800, upper: 1577923200, bloom, limit: 100 }
const cursor = new Uint8Array(36).fill(5)
const B64 = toHex(bloom)

const published: [Dialect, HistoryRequest, string][] = [
  ['spec4', base, `f84d845e0be100845e0d3280b840${B64}64`],
  ['spec5', base, `f84e845e0be100845e0d3280b840${B64}6480`],
  ['spec6t', { ...base, topics }, `f854845e0be100845e0d3280b840${B64}6480c58412345678`],
  ['sg6', { ...base, batch: true }, `f84f845e0be100845e0d3280b840${B64}648001`],
  ['sg7', { ...base, topics, batch: true }, `f855845e0be100845e0d3280b840${B64}c58412345678648001`]
]

for (const [dialect, request, hex] of published) {
  test(`writes and reads the published bytes of ${dialect} [MAIL-09]`, () => {
    assert.equal(toHex(encodeHistoryRequest(request, dialect)), hex)
    for (const network of ['libp2p', 'devp2p'] as const) {
      assert.deepEqual(decodeHistoryRequest(fromHex(hex), { network }), { dialect, request })
    }
  })
}

const uint32 = fc.integer({ min: 0, max: 0xffff_ffff })
const common = {
  lower: uint32,
  upper: uint32,
  limit: uint32,
  bloom: fc.option(fc.uint8Array({ minLength: 64, maxLength: 64 }), { nil: undefined })
}
const cursors = fc.option(fc.uint8Array({ minLength: 36, maxLength: 36 }), { nil: undefined })
const someTopics = fc.option(fc.array(fc.uint8Array({ minLength: 4, maxLength: 4 }), { minLength: 1, maxLength: 6 }), {
  nil: undefined
})
const batch = fc.boolean()
const any: [Dialect, fc.Arbitrary<HistoryRequest>][] = [
  ['spec4', fc.record(common)],
  ['spec5', fc.record({ ...common, cursor: cursors })],
  ['spec6t', fc.record({ ...common, cursor: cursors, topics: someTopics })],
  ['sg6', fc.record({ ...common, cursor: cursors, batch })],
  ['sg7', fc.record({ ...common, cursor: cursors, topics: someTopics, batch })]
]

for (const [dialect, requests] of any) {
  test(`every request in the form ${dialect} is read as it was written, in canonical bytes [MAIL-10, MAIL-12]`, () => {
    fc.assert(
      fc.property(requests, request => {
        const bytes = encodeHistoryRequest(request, dialect)
        // on devp2p a last item `80` of six is a "no" instead of empty topics, so libp2p reads `sg6` with a "no" otherwise
        const network = dialect === 'sg6' ? 'devp2p' : 'libp2p'
        const decoded = decodeHistoryRequest(bytes, { network })
        const given = Object.fromEntries(Object.entries(request).filter(([, value]) => value !== undefined))
        assert.deepEqual(decoded, { dialect, request: given })
        assert.equal(toHex(encodeHistoryRequest(decoded.request, dialect)), toHex(bytes))
      })
    )
  })
}

test('a cursor may be left out, empty or null, with topics too [MAIL-13, MAIL-18, MAIL-19]', () => {
  const read = (hex: string): HistoryRequest => decodeHistoryRequest(fromHex(hex), { network: 'libp2p' }).request
  assert.equal(read(`f84d845e0be100845e0d3280b840${B64}64`).cursor, undefined)
  assert.equal(read(`f84e845e0be100845e0d3280b840${B64}6480`).cursor, undefined)
  assert.equal(read(`f84e845e0be100845e0d3280b840${B64}64c0`).cursor, undefined)
  const nulled = read(`f854845e0be100845e0d3280b840${B64}64c0c58412345678`)
  assert.deepEqual([nulled.cursor, nulled.topics], [undefined, topics])
})

test('extensions are the last item of the specified order, unknown ones too', () => {
  const extensions = new Map([
    [9, decodeItem(fromHex('c20102'))],
    [1, decodeItem(fromHex('80'))]
  ])
  const bytes = encodeHistoryRequest({ ...base, extensions }, 'spec6t')
  assert.equal(toHex(bytes), `f858845e0be100845e0d3280b840${B64}6480c0c8c20180c409c20102`)
  const decoded = decodeHistoryRequest(bytes, { network: 'libp2p' })
  assert.deepEqual(
    [...(decoded.request.extensions ?? [])].map(([key, value]) => [key, toHex(value.raw)]),
    [
      [1, '80'],
      [9, 'c20102']
    ]
  )
  assert.equal(toHex(encodeHistoryRequest({ ...base, extensions: new Map() }, 'spec6t')).endsWith('6480c0'), true)
})

test('a form is refused when it has no place for what is asked [MAIL-18]', () => {
  const impossible: [Dialect, Partial<HistoryRequest>][] = [
    ['spec4', { cursor }],
    ['spec4', { topics }],
    ['spec5', { topics }],
    ['sg6', { topics }],
    ['sg7', { extensions: new Map([[1, decodeItem(fromHex('80'))]]) }]
  ]
  for (const [dialect, part] of impossible) {
    assert.throws(
      () => encodeHistoryRequest({ ...base, ...part }, dialect),
      (error: Error) => error instanceof UnencodableError && error.message.includes(dialect)
    )
  }
})

test('fields out of range are not written [MAIL-11, MAIL-22, D-04]', () => {
  const bad: Partial<HistoryRequest>[] = [
    { lower: -1 },
    { upper: 2 ** 32 },
    { limit: 1.5 },
    { bloom: new Uint8Array(63) },
    { cursor: new Uint8Array(35) },
    { topics: [new Uint8Array(3)] },
    { topics: Array.from({ length: 1001 }, () => new Uint8Array(4)) }
  ]
  for (const part of bad) assert.throws(() => encodeHistoryRequest({ ...base, ...part }, 'spec6t'), UnencodableError)
})

test('the request envelope holds the list and nothing else, in this order [MAIL-09]', () => {
  const items = ['845e0be100', '845e0d3280', `b840${B64}`, '64', `a4${toHex(cursor)}`, 'c58412345678'].map(fromHex)
  const bytes = encodeHistoryRequest({ ...base, cursor, topics }, 'spec6t')
  assert.equal(toHex(bytes), toHex(encodeList(items)))
})
