import assert from 'node:assert/strict'
import { test } from 'node:test'
import { fromHex, toHex } from '../../src/wire/bytes.js'
import { decodeHistoryRequest } from '../../src/wire/request/history-request.js'
import { RequestError, RequestErrorCode } from '../../src/wire/request/request-error.js'
import { encodeList, encodeString } from '../../src/wire/rlp.js'

type Network = 'libp2p' | 'devp2p'

const BLOOM = `b840${'ff'.repeat(64)}`
const CURSOR = `a4${'05'.repeat(36)}`
const TOPICS = 'c58412345678'

const payload = (items: string[]): Uint8Array => encodeList(items.map(fromHex))
const read = (items: string[], network: Network = 'libp2p'): ReturnType<typeof decodeHistoryRequest> =>
  decodeHistoryRequest(payload(items), { network })

function fails(code: number, bytes: Uint8Array, network: Network = 'libp2p'): void {
  assert.throws(
    () => decodeHistoryRequest(bytes, { network }),
    (error: Error) => error instanceof RequestError && error.code === code && error.message !== ''
  )
}

const forms: [why: string, items: string[], libp2p: string, devp2p: string][] = [
  ['four items', ['01', '02', BLOOM, '0a'], 'spec4', 'spec4'],
  ['five items', ['01', '02', BLOOM, '0a', CURSOR], 'spec5', 'spec5'],
  ['five items, null cursor', ['01', '02', BLOOM, '0a', 'c0'], 'spec5', 'spec5'],
  ['item 5 a list', ['01', '02', BLOOM, '0a', '80', TOPICS], 'spec6t', 'spec6t'],
  ['item 5 an empty list', ['01', '02', BLOOM, '0a', 'c0', 'c0'], 'spec6t', 'spec6t'],
  ['item 5 empty', ['01', '02', BLOOM, '0a', '80', '80'], 'spec6t', 'sg6'],
  ['item 5 one', ['01', '02', BLOOM, '0a', '80', '01'], 'sg6', 'sg6'],
  ['item 5 a zero byte', ['01', '02', BLOOM, '0a', '80', '00'], 'sg6', 'sg6'],
  ['item 3 a list', ['01', '02', BLOOM, TOPICS, '0a', '80', '01'], 'sg7', 'sg7'],
  ['item 3 a list, batch missing', ['01', '02', BLOOM, TOPICS, '0a', '80'], 'sg7', 'sg7'],
  ['item 3 an empty list', ['01', '02', BLOOM, 'c0', '0a', '80', '80'], 'sg7', 'sg7'],
  ['items behind the known ones', ['01', '02', BLOOM, TOPICS, '0a', '80', '01', '01'], 'sg7', 'sg7']
]

for (const [why, items, libp2p, devp2p] of forms) {
  test(`tells the form by structure: ${why} [MAIL-09, MAIL-13]`, () => {
    assert.equal(read(items).dialect, libp2p)
    assert.equal(read(items, 'devp2p').dialect, devp2p)
  })
}

test('an extension list is the seventh item on libp2p, behind topics or their absence', () => {
  for (const topics of ['c0', '80', TOPICS]) {
    const { dialect, request } = read(['01', '02', BLOOM, '0a', '80', topics, 'c3c20905'])
    assert.equal(dialect, 'spec6t')
    assert.equal(toHex(request.extensions?.get(9)?.raw as Uint8Array), '05')
  }
  assert.equal(read(['01', '02', BLOOM, '0a', '80', TOPICS, 'c3c20905'], 'devp2p').request.extensions, undefined)
  fails(RequestErrorCode.malformed, payload(['01', '02', BLOOM, '0a', '80', '80', 'c3c20905']), 'devp2p')
  for (const bad of ['01', '80', 'c101', 'c2c101', 'c3c2c005']) {
    fails(RequestErrorCode.malformed, payload(['01', '02', BLOOM, '0a', '80', TOPICS, bad]))
  }
})

test('an extension key of 32 bits is kept, a longer one is left out', () => {
  const { extensions } = read(['01', '02', BLOOM, '0a', '80', 'c0', 'cfc684ffffffff05c785010000000005']).request
  assert.deepEqual([...(extensions?.keys() ?? [])], [0xffff_ffff])
})

test('integers may carry leading zeros or be of fixed width, up to 32 bits [MAIL-10, MAIL-12]', () => {
  const liberal = ['820001', '8400000002', '80', '8800000000ffffffff', '00']
  const values = [1, 2, 0, 0xffff_ffff, 0]
  for (const [i, item] of liberal.entries()) {
    const { request } = read([item, item, BLOOM, item])
    assert.deepEqual([request.lower, request.upper, request.limit], [values[i], values[i], values[i]])
  }
  for (const bad of ['850100000000', 'c0', `a0${'ff'.repeat(32)}`]) {
    for (const items of [
      [bad, '02', BLOOM, '0a'],
      ['01', bad, BLOOM, '0a']
    ]) {
      fails(RequestErrorCode.malformed, payload(items))
    }
  }
  fails(RequestErrorCode.malformed, payload(['01', '02', BLOOM, '850100000000']))
})

test('a bloom filter is 0 or 64 bytes, also beside topics [MAIL-11]', () => {
  assert.equal(read(['01', '02', '80', '0a']).request.bloom, undefined)
  for (const bad of ['01', `b83f${'ff'.repeat(63)}`, `b841${'ff'.repeat(65)}`, 'c0']) {
    fails(RequestErrorCode.bloom, payload(['01', '02', bad, '0a']))
    fails(RequestErrorCode.bloom, payload(['01', '02', bad, '0a', '80', TOPICS]))
    fails(RequestErrorCode.bloom, payload(['01', '02', bad, TOPICS, '0a', '80', '01']))
  }
})

test('topics need a cursor item before them [MAIL-18]', () => {
  fails(RequestErrorCode.topics, payload(['01', '02', BLOOM, '0a', TOPICS]))
  fails(RequestErrorCode.topics, payload(['01', '02', BLOOM, '0a', TOPICS]), 'devp2p')
})

test('topics are 4 bytes, empty ones are left out, one of zeros is a topic like others', () => {
  const topics = (items: string): string[] => ['01', '02', BLOOM, '0a', '80', items]
  assert.deepEqual(read(topics('c6808412345678')).request.topics, [fromHex('12345678')])
  assert.equal(read(topics('c28080')).request.topics, undefined)
  assert.deepEqual(read(topics('c58400000000')).request.topics, [new Uint8Array(4)])
  for (const bad of ['c101', 'c483010203', 'c6850102030405', 'c1c0', 'c5c401020304', 'c9841234567883010203']) {
    fails(RequestErrorCode.topics, payload(topics(bad)))
    fails(RequestErrorCode.topics, payload(['01', '02', BLOOM, bad, '0a', '80', '01']))
  }
})

test('a request names at most 1000 topics [MAIL-22]', () => {
  const list = (count: number): string =>
    toHex(encodeList(Array.from({ length: count }, () => encodeString(new Uint8Array(4)))))
  assert.equal(read(['01', '02', '80', '0a', '80', list(1000)]).request.topics?.length, 1000)
  fails(RequestErrorCode.topics, payload(['01', '02', '80', '0a', '80', list(1001)]))
  fails(RequestErrorCode.topics, payload(['01', '02', '80', list(1001), '0a', '80', '01']))
})

test('a cursor is 0 or 36 bytes [D-04]', () => {
  const form = (cursor: string): string[][] => [
    ['01', '02', BLOOM, '0a', cursor],
    ['01', '02', BLOOM, '0a', cursor, TOPICS],
    ['01', '02', BLOOM, TOPICS, '0a', cursor, '01']
  ]
  for (const items of form(CURSOR)) assert.equal(read(items).request.cursor?.length, 36)
  for (const bad of ['05', `a3${'05'.repeat(35)}`, `a5${'05'.repeat(37)}`, `a0${'05'.repeat(32)}`]) {
    for (const items of form(bad)) fails(RequestErrorCode.cursor, payload(items))
  }
  fails(RequestErrorCode.cursor, payload(['01', '02', BLOOM, '0a', TOPICS, TOPICS]))
})

const malformed: [why: string, bytes: Uint8Array][] = [
  ['nothing', new Uint8Array(0)],
  ['a list of nothing', fromHex('c0')],
  ['three items', payload(['01', '02', BLOOM])],
  ['bytes behind the list', fromHex('c40102808000')],
  ['a list longer than the bytes', fromHex('c501028080')],
  ['a raw request of 8 bytes', fromHex('5e0be1005e0d3280')],
  ['a raw request of 72 bytes', fromHex(`5e0be1005e0d3280${'ff'.repeat(64)}`)],
  ['an undersized one', fromHex('5e0be1')],
  ['a limit that is a list and nothing behind it', payload(['01', '02', BLOOM, 'c0'])],
  ['a flag of 2', payload(['01', '02', BLOOM, '0a', '80', '02'])],
  ['a flag of two bytes', payload(['01', '02', BLOOM, '0a', '80', '820001'])],
  ['a flag and something behind it', payload(['01', '02', BLOOM, '0a', '80', '01', '01'])],
  ['an item cut short', fromHex('c40102808e')]
]

for (const [why, bytes] of malformed) {
  test(`refuses a payload that is ${why}`, () => fails(RequestErrorCode.malformed, bytes))
}
