import assert from 'node:assert/strict'
import { test } from 'node:test'
import { concatBytes, fromHex, joinBytes, toHex } from '../../src/wire/bytes.js'
import { encodeEnvelope } from '../../src/wire/envelope/envelope.js'
import { type Capability, DIALECTS, p2pForm } from '../../src/wire/request/dialect.js'
import { type Dialect, settleRequest } from '../../src/wire/request/history-request.js'
import { legacyErrorCode, legacyErrorText, MAX_LEGACY_ERROR_TEXT } from '../../src/wire/request/legacy-error.js'
import { formOfUnread, legacyMail } from '../../src/wire/request/legacy-mail.js'
import { answeringLibp2p } from '../../src/wire/request/mail-codec.js'
import { splitP2PMessage } from '../../src/wire/request/p2p-message.js'
import { RequestErrorCode } from '../../src/wire/request/request-error.js'

const id = new Uint8Array(32).fill(0x11)
const last = new Uint8Array(32).fill(0x22)
const zero = new Uint8Array(32)
const cursor = new Uint8Array(36).fill(0x33)
const [ID, LAST, ZERO, CURSOR] = [id, last, zero, cursor].map(toHex) as [string, string, string, string]
const waku = legacyMail({ capability: 'waku/1' })
const all = Object.keys(DIALECTS) as Dialect[]
const envelope = (n: number): Uint8Array =>
  encodeEnvelope({ expiry: 100 + n, ttl: 10, topic: Uint8Array.of(1, 2, 3, n), data: new Uint8Array(60), nonce: 1n })
    .raw
const [one, two, three] = [envelope(1), envelope(2), envelope(3)] as [Uint8Array, Uint8Array, Uint8Array]

const joined = (body: Uint8Array[]): string => toHex(joinBytes(body))

function bodies(
  capability: Capability,
  dialect: Dialect | undefined,
  raws: Uint8Array[],
  batch?: boolean,
  short = false
): string[] {
  const form = legacyMail({ capability, short }).answer(dialect, { lower: 0, upper: 0, limit: 0, batch })
  return form.bodies(raws).map(joined)
}
const list = (...raws: Uint8Array[]): string => {
  const inner = concatBytes(...raws)
  return (
    (inner.length < 56 ? '' : inner.length < 256 ? 'f8' : 'f9') +
    inner.length.toString(16).padStart(inner.length < 256 ? 2 : 4, '0') +
    toHex(inner)
  )
}

test('a waku peer gets lists, one envelope each when it asked so [BR-06 MAIL-23]', () => {
  for (const capability of ['waku/0', 'waku/1'] as const) {
    for (const dialect of [undefined, ...all]) {
      assert.deepEqual(bodies(capability, dialect, [one, two, three]), [list(one, two, three)])
      assert.deepEqual(bodies(capability, dialect, [one]), [list(one)])
      assert.deepEqual(bodies(capability, dialect, [one, two], false), [list(one), list(two)])
      assert.deepEqual(bodies(capability, dialect, []), [])
    }
  }
})

test('a Whisper peer gets lists or bare envelopes, by how it asked and who it is [BR-06 D-01]', () => {
  for (const dialect of ['sg6', 'sg7', 'plain6', 'plain7', undefined] as const) {
    assert.deepEqual(bodies('shh/6', dialect, [one, two]), [list(one, two)])
    assert.deepEqual(bodies('shh/6', dialect, [one]), [toHex(one)])
  }
  for (const dialect of ['sg6', 'sg7'] as const) {
    assert.deepEqual(bodies('shh/6', dialect, [one, two], false), [toHex(one), toHex(two)])
  }
  for (const dialect of ['raw8', 'raw12', 'raw72', 'raw76', 'raw112'] as const) {
    assert.deepEqual(bodies('shh/6', dialect, [one, two]), [toHex(one), toHex(two)])
  }
  for (const dialect of ['spec4', 'spec5', 'spec6t'] as const) {
    assert.deepEqual(bodies('shh/6', dialect, [one]), [list(one)])
  }
  // whose Status was short breaks off at a list; undefined: an answer passed on, whose form is not known
  for (const dialect of [undefined, ...all]) {
    assert.deepEqual(bodies('shh/6', dialect, [one, two], undefined, true), [toHex(one), toHex(two)])
    assert.equal(p2pForm('shh/6', { dialect, short: true }), 'bare')
  }
})

test('whatever form 0x7f has, its envelopes are read as the same bytes [MAIL-25]', () => {
  for (const capability of ['waku/1', 'waku/0', 'shh/6'] as const) {
    for (const dialect of all) {
      for (const batch of [true, false]) {
        for (const raws of [[one], [one, two], [one, two, three]]) {
          const read = bodies(capability, dialect, raws, batch).flatMap(body => splitP2PMessage(fromHex(body)))
          assert.deepEqual(
            read.map(item => toHex(item.raw)),
            raws.map(toHex)
          )
        }
      }
    }
  }
})

test('on libp2p an answer is a list whatever was asked [D-01]', () => {
  for (const dialect of [undefined, ...all]) {
    assert.deepEqual(answeringLibp2p.answer(dialect).bodies([one]).map(joined), [list(one)])
    assert.equal(answeringLibp2p.answer(dialect).limitRule, 'clamp')
    assert.equal(
      toHex(answeringLibp2p.encodeComplete({ requestId: id, lastHash: last }, dialect)),
      `f843a0${ID}a0${LAST}80`
    )
  }
})

test('the specification is answered by a list of three, everything else by one string [D-01]', () => {
  for (const dialect of [undefined, ...all]) {
    const spec = dialect?.startsWith('spec') === true
    const more = waku.encodeComplete({ requestId: id, lastHash: last, cursor }, dialect)
    assert.equal(toHex(more), spec ? `f867a0${ID}a0${LAST}a4${CURSOR}` : `b864${ID}${LAST}${CURSOR}`)
    const end = waku.encodeComplete({ requestId: id, lastHash: last }, dialect)
    assert.equal(toHex(end), spec ? `f843a0${ID}a0${LAST}80` : `b840${ID}${LAST}`)
  }
})

test('a refusal is a string that begins with ERROR=, or in the list form a zero hash without a cursor [D-03]', () => {
  for (const dialect of [undefined, ...all]) {
    const error = { code: RequestErrorCode.busy, text: 'too many requests', retryAfter: 3 }
    const body = toHex(waku.encodeComplete({ requestId: id, lastHash: last, error }, dialect))
    const sample = `b8394552524f523d${ID}72617465206c696d6974206578636565646564`
    assert.equal(body, dialect?.startsWith('spec') === true ? `f843a0${ID}a0${ZERO}80` : sample)
  }
})

test('reads every form of completion', () => {
  const read = (hex: string) => waku.decodeComplete(fromHex(hex))
  assert.deepEqual(read(`b864${ID}${LAST}${CURSOR}`), { requestId: id, lastHash: last, cursor })
  assert.deepEqual(read(`b840${ID}${LAST}`), { requestId: id, lastHash: last })
  assert.deepEqual(read(`a0${ID}`), { requestId: id, lastHash: zero })
  assert.deepEqual(read(`f867a0${ID}a0${LAST}a4${CURSOR}`), { requestId: id, lastHash: last, cursor })
  assert.deepEqual(read(`f843a0${ID}a0${LAST}80`), { requestId: id, lastHash: last })
  assert.deepEqual(read(`f842a0${ID}a0${LAST}`), { requestId: id, lastHash: last })
  const error = { code: 12, text: '' }
  assert.deepEqual(read(`a64552524f523d${ID}`), { requestId: id, lastHash: zero, error })
  const long = read(`b864${'4552524f523d'}${ID}${'fe'.repeat(62)}`)
  assert.equal(long.error?.text, '\ufffd'.repeat(62))
})

test('a completion cut to a length that no form has is malformed: a cut cursor would pass for the end', () => {
  const whole = `${ID}${LAST}${CURSOR}${'44'.repeat(20)}`
  for (let length = 0; length <= 120; length++) {
    if ([32, 64, 100].includes(length)) continue
    const header = length < 56 ? (0x80 + length).toString(16) : `b8${length.toString(16)}`
    assert.throws(
      () => waku.decodeComplete(fromHex(header + whole.slice(0, 2 * length))),
      { name: 'MalformedError' },
      `${length}`
    )
  }
  for (const body of ['c0', 'c180', '', `f841a0${ID}9f${LAST.slice(2)}`, `a0${ID}00`]) {
    assert.throws(() => waku.decodeComplete(fromHex(body)), { name: 'MalformedError' }, body)
  }
})

test('refusals use the words of deployed servers, and are understood from them [D-03]', () => {
  const words: [code: number, text: string][] = [
    [RequestErrorCode.undecryptable, 'failed to decrypt p2p request'],
    [RequestErrorCode.pow, 'PoW too low'],
    [RequestErrorCode.signature, 'check message signature failed: wrong signature of p2p request'],
    [RequestErrorCode.range, 'query range is invalid: lower > upper'],
    [RequestErrorCode.filter, 'request is invalid: bloom filter and topics is empty'],
    [RequestErrorCode.busy, 'rate limit exceeded']
  ]
  for (const [code, text] of words) {
    assert.equal(legacyErrorText(code, 'our own words'), text)
    assert.equal(legacyErrorCode(text), code)
  }
  assert.equal(
    legacyErrorText(RequestErrorCode.malformed, 'undersized request'),
    'failed to decode data: undersized request'
  )
  assert.equal(legacyErrorCode('failed to decode data: rlp: expected input list'), RequestErrorCode.malformed)
  assert.equal(legacyErrorCode('query range too big for peer \ufffd'), RequestErrorCode.range)
  assert.equal(legacyErrorCode('request is invalid: bloom filter is empty'), RequestErrorCode.filter)
  assert.equal(legacyErrorCode('something new'), RequestErrorCode.internal)
  for (const code of Object.values(RequestErrorCode)) {
    assert.equal(legacyErrorCode(legacyErrorText(code, 'what was wrong')), code)
    // passed on from another server, the words do not pile up
    const text = legacyErrorText(code, 'x')
    assert.equal(legacyErrorText(legacyErrorCode(text), text), text)
  }
})

test('no refusal passes the 100 bytes past which deployed clients disconnect, nor holds what is no text', () => {
  for (const code of [...Object.values(RequestErrorCode), 99]) {
    for (const text of ['', 'x'.repeat(200), '\u20ac'.repeat(100), 'line\nbreak\u0007']) {
      const words = legacyErrorText(code, text)
      assert.ok(words.length <= MAX_LEGACY_ERROR_TEXT && /^[\x20-\x7e]*$/.test(words), words)
      const body = waku.encodeComplete({ requestId: id, lastHash: zero, error: { code, text } })
      assert.ok(body.length <= 102)
      assert.deepEqual(waku.decodeComplete(body).requestId, id)
    }
  }
})

test('a limit above the maximum is refused to those who know that refusal, clamped for others, and void where none can be named [D-01]', () => {
  const request = { lower: 1, upper: 2, bloom: new Uint8Array(64), limit: 1001 }
  const limits = all.map(dialect => {
    const { limitRule } = waku.answer(dialect)
    try {
      return [dialect, settleRequest(request, { now: 5, limitRule }).limit]
    } catch (error) {
      const { code, message } = error as { code: number; message: string }
      return [dialect, legacyErrorText(code, message)]
    }
  })
  const refused = 'request is invalid: limit exceeds the maximum allowed value'
  assert.deepEqual(Object.fromEntries(limits), {
    spec4: 1000,
    spec5: 1000,
    spec6t: 1000,
    sg6: refused,
    sg7: refused,
    plain6: refused,
    plain7: refused,
    raw8: 0xffff_ffff,
    raw12: 0xffff_ffff,
    raw72: 0xffff_ffff,
    raw76: 1000,
    raw112: 1000
  })
  for (const limit of [0, 1000])
    assert.equal(settleRequest({ ...request, limit }, { now: 5, limitRule: 'refuse' }).limit, 1000)
})

test('an unreadable request that is dated 0 is answered as its kind of client reads it: by a list of three [D-03]', () => {
  const fields = { topic: Uint8Array.of(0, 0, 0, 0), data: new Uint8Array(40), nonce: 0n }
  const nim = encodeEnvelope({ ...fields, expiry: 0, ttl: 0 }).raw
  const other = encodeEnvelope({ ...fields, expiry: 50, ttl: 10 }).raw
  const error = { code: RequestErrorCode.undecryptable, text: 'wrong password' }
  const answer = (body: Uint8Array): string =>
    toHex(
      legacyMail({ capability: 'waku/1', unread: formOfUnread(body) }).encodeComplete({
        requestId: id,
        lastHash: zero,
        error
      })
    )
  assert.equal(answer(nim), `f843a0${ID}a0${ZERO}80`)
  assert.equal(answer(other), `b8434552524f523d${ID}6661696c656420746f2064656372797074207032702072657175657374`)
  assert.equal(formOfUnread(fromHex('c0')), undefined)
})

test('a completion that cannot be said is not written', () => {
  for (const dialect of ['sg7', 'spec5'] as const) {
    for (const complete of [
      { requestId: id.subarray(1), lastHash: last },
      { requestId: id, lastHash: last.subarray(1) },
      { requestId: id, lastHash: last, cursor: cursor.subarray(1) }
    ]) {
      assert.throws(() => waku.encodeComplete(complete, dialect), { name: 'UnencodableError' })
    }
  }
})
