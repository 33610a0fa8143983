import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { fromHex, toHex } from '../../src/wire/bytes.js'
import { MalformedError, UnencodableError } from '../../src/wire/errors.js'
import { answeringLibp2p, askingLibp2p } from '../../src/wire/request/mail-codec.js'
import {
  decodeRequestComplete,
  encodeRequestComplete,
  type RequestComplete
} from '../../src/wire/request/request-complete.js'
import { RequestError, RequestErrorCode } from '../../src/wire/request/request-error.js'
import { decodeItem, encodeList } from '../../src/wire/rlp.js'

const requestId = new Uint8Array(32).fill(0x11)
const lastHash = new Uint8Array(32).fill(0x22)
const cursor = new Uint8Array(36).fill(0x33)
const ID = `a0${'11'.repeat(32)}`
const LAST = `a0${'22'.repeat(32)}`
const CURSOR = `a4${'33'.repeat(36)}`
const list = (...items: string[]): Uint8Array => encodeList(items.map(fromHex))

test('a completion is the request id, the last hash and a cursor item, empty when nothing is left [MAIL-31, MAIL-32]', () => {
  assert.equal(toHex(encodeRequestComplete({ requestId, lastHash })), `f843${ID}${LAST}80`)
  assert.equal(toHex(encodeRequestComplete({ requestId, lastHash, cursor })), `f867${ID}${LAST}${CURSOR}`)
  assert.deepEqual(decodeRequestComplete(list(ID, LAST, CURSOR)), { requestId, lastHash, cursor })
  for (const items of [
    [ID, LAST],
    [ID, LAST, '80'],
    [ID, LAST, 'c0'],
    [ID, LAST, '80', 'c0']
  ]) {
    assert.deepEqual(decodeRequestComplete(list(...items)), { requestId, lastHash })
  }
})

test('an error stands in the extension list, and there is no cursor beside it [MAIL-31]', () => {
  const error = { code: RequestErrorCode.busy, text: 'busy', retryAfter: 2 }
  const body = encodeRequestComplete({ requestId, lastHash, error })
  assert.equal(toHex(body), `f84e${ID}${LAST}80cac980c70a846275737902`)
  assert.deepEqual(decodeRequestComplete(body), { requestId, lastHash, error })
  const short = encodeRequestComplete({ requestId, lastHash, error: { code: 5, text: 'x' } })
  assert.deepEqual(decodeRequestComplete(short).error, { code: 5, text: 'x' })
  assert.throws(() => encodeRequestComplete({ requestId, lastHash, cursor, error }), UnencodableError)
  const both = list(ID, LAST, CURSOR, 'c5c480c20a41')
  assert.deepEqual(decodeRequestComplete(both), { requestId, lastHash, error: { code: 10, text: 'A' } })
})

test('any completion is read as it was written [MAIL-31]', () => {
  const hash = fc.uint8Array({ minLength: 32, maxLength: 32 })
  const error = { code: fc.nat(), text: fc.constantFrom('', 'a', 'näh'), retryAfter: fc.nat() }
  const ids = { requestId: hash, lastHash: hash }
  const plain = { noNullPrototype: true } as const
  const completion: fc.Arbitrary<RequestComplete> = fc.oneof(
    fc.record(ids, plain),
    fc.record({ ...ids, cursor: fc.uint8Array({ minLength: 36, maxLength: 36 }) }, plain),
    fc.record({ ...ids, error: fc.record(error, plain) }, plain)
  )
  fc.assert(
    fc.property(completion, complete => {
      assert.deepEqual(decodeRequestComplete(answeringLibp2p.encodeComplete(complete)), complete)
      assert.deepEqual(askingLibp2p.decodeComplete(encodeRequestComplete(complete)), complete)
    })
  )
})

test('unknown extensions are kept apart from the error', () => {
  const extensions = new Map([[2, decodeItem(fromHex('c101'))]])
  const error = { code: 12, text: 'no' }
  const body = encodeRequestComplete({ requestId, lastHash, error, extensions })
  const decoded = decodeRequestComplete(body)
  assert.deepEqual(decoded.error, error)
  assert.deepEqual(
    [...(decoded.extensions ?? [])].map(([key, value]) => [key, toHex(value.raw)]),
    [[2, 'c101']]
  )
  assert.deepEqual([...extensions.keys()], [2])
})

test('the text of an error is one printable line of at most 200 bytes', () => {
  const nasty = `\u001b[31mred\u0000\n\u2028\u202eevil ${'ü'.repeat(300)}`
  const sent = decodeRequestComplete(encodeRequestComplete({ requestId, lastHash, error: { code: 1, text: nasty } }))
  assert.equal(sent.error?.text, `red evil ${'ü'.repeat(95)}`)
  const received = decodeRequestComplete(list(ID, LAST, '80', `c9c880c6018473d7ff41`))
  assert.equal(received.error?.text, 's\ufffd\ufffdA')
  assert.equal(new RequestError(1, 'x'.repeat(201)).message, 'x'.repeat(200))
  assert.equal(new RequestError(1, nasty).message, sent.error?.text)
  assert.equal(new RequestError(10, 'later', { retryAfter: 3 }).retryAfter, 3)
})

const refused: [why: string, bytes: Uint8Array][] = [
  ['a string', fromHex('8101')],
  ['nothing', new Uint8Array(0)],
  ['an empty list', list()],
  ['a request id only', list(ID)],
  ['a request id of 31 bytes', list(`9f${'11'.repeat(31)}`, LAST)],
  ['a last hash that is a list', list(ID, 'c0')],
  ['a cursor of 35 bytes', list(ID, LAST, `a3${'33'.repeat(35)}`)],
  ['a cursor of 37 bytes', list(ID, LAST, `a5${'33'.repeat(37)}`)],
  ['a cursor that is a list', list(ID, LAST, 'c101')],
  ['an extension item that is a string', list(ID, LAST, '80', '80')],
  ['an error that is a string', list(ID, LAST, '80', 'c3c28001')],
  ['an error without text', list(ID, LAST, '80', 'c4c380c101')],
  ['an error whose text is a list', list(ID, LAST, '80', 'c5c480c201c0')],
  ['an error whose delay is a list', list(ID, LAST, '80', 'c6c580c30141c0')],
  ['five items', list(ID, LAST, '80', 'c0', '01')]
]

for (const [why, bytes] of refused) {
  test(`refuses a completion that is ${why}`, () => assert.throws(() => decodeRequestComplete(bytes), MalformedError))
}
