import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { fromHex, toHex } from '../../src/wire/bytes.js'
import { bloomOf, fullBloom } from '../../src/wire/envelope/bloom.js'
import { isPositionalWaku0, isShortShh6, shh6Status, waku0Status } from '../../src/wire/packet/legacy-status.js'
import type { StatusOptions } from '../../src/wire/packet/status.js'
import type { StatusCodec } from '../../src/wire/packet/status-codec.js'

const FULL = `b840${'ff'.repeat(64)}`
const POW = '883f60624dd2f1a9fc'
const topic = Uint8Array.of(0x12, 0x34, 0x56, 0x78)
const limits = { ip: 10, peer: 5, topic: 1 }
const MALFORMED = { name: 'MalformedError' }
const UNENCODABLE = { name: 'UnencodableError' }

/** The packets of an update, as `code:body`. */
function update(codec: StatusCodec, options: StatusOptions): string[] {
  return codec.encodeUpdate(options).map(({ code, body }) => `${code}:${toHex(body)}`)
}

test('waku/0 writes its version and pairs whose keys are digits', () => {
  const options = { pow: 0.002, bloom: fullBloom(), light: false, confirmations: true }
  const body = waku0Status.encodeStatus({ ...options, packetLimits: { ip: 0, peer: 0, topic: 0 } })
  assert.equal(toHex(body), `f85f80f85cca30${POW}f84331${FULL}c23280c23301c534c3808080`)
  assert.deepEqual(waku0Status.decodeStatus(body), { ...options, packetLimits: { ip: 0, peer: 0, topic: 0 } })
  assert.equal(isPositionalWaku0(body), false)
})

test('waku/0 writes no key that its readers do not know', () => {
  const body = waku0Status.encodeStatus({ light: true, topics: [topic], byteLimits: limits })
  assert.equal(toHex(body), 'cd80cbc23201c735c58412345678')
})

test('waku/0 reads the positional form of the early programs, of which only the version has to be there', () => {
  const body = fromHex(`f85280${POW}${FULL}8001c30a0501`)
  assert.equal(isPositionalWaku0(body), true)
  const options = { pow: 0.002, bloom: fullBloom(), light: false, confirmations: true, packetLimits: limits }
  assert.deepEqual(waku0Status.decodeStatus(body), options)
  assert.deepEqual(waku0Status.decodeStatus(fromHex('c180')), { bloom: fullBloom() })
  assert.deepEqual(waku0Status.decodeStatus(fromHex('c480808001')), { pow: 0, bloom: fullBloom(), light: true })
})

test('waku/0 skips pairs that it does not know and goes on after them', () => {
  // keys "9", "10", 0 as an integer, then light
  const { light, pow } = waku0Status.decodeStatus(fromHex('d080cec23905c4823130c0c28005c23201'))
  assert.equal(light, true)
  assert.equal(pow, undefined)
})

test('a waku/0 update says pow and bloom twice, and everything in its last packet', () => {
  const options = { pow: 0.002, bloom: fullBloom(), confirmations: true }
  assert.deepEqual(update(waku0Status, options), [`2:${POW}`, `3:${FULL}`, `22:f853ca30${POW}f84331${FULL}c23301`])
  const filter = `b840${toHex(bloomOf([topic]))}`
  assert.deepEqual(update(waku0Status, { topics: [topic] }), [`3:${filter}`, '22:c8c735c58412345678'])
})

test('waku/0 reads the updates of every age', () => {
  assert.deepEqual(waku0Status.decodeUpdate(22, fromHex('c3c23201')), { light: true })
  assert.deepEqual(waku0Status.decodeUpdate(2, fromHex(POW)), { pow: 0.002 })
  assert.deepEqual(waku0Status.decodeUpdate(3, fromHex(FULL)), { bloom: fullBloom() })
  assert.deepEqual(waku0Status.decodeUpdate(20, fromHex('c30a0501')), { packetLimits: limits })
  assert.deepEqual(waku0Status.decodeUpdate(21, fromHex('c58412345678')), { topics: [topic] })
})

test('shh/6 writes all its items, so that none is missing before one that is there [SHH-03 SHH-06]', () => {
  assert.equal(toHex(shh6Status.encodeStatus({})), 'c90680808080c3808080')
  assert.equal(toHex(shh6Status.encodeStatus({ confirmations: true })), 'c90680808001c3808080')
  assert.equal(toHex(shh6Status.encodeStatus({ pow: 0.002, light: true })), `d106${POW}800180c3808080`)
  const filter = bloomOf([topic])
  for (const options of [{ bloom: filter }, { topics: [topic] }, { bloom: fullBloom(), topics: [topic] }]) {
    assert.equal(toHex(shh6Status.encodeStatus(options)), `f84a0680b840${toHex(filter)}8080c3808080`)
  }
})

test('shh/6 reads a Status of any length; a bloom filter that is missing or empty is a full one [SHH-03]', () => {
  assert.deepEqual(shh6Status.decodeStatus(fromHex('c106')), { bloom: fullBloom() })
  assert.deepEqual(shh6Status.decodeStatus(fromHex(`ca06${POW}`)), { pow: 0.002, bloom: fullBloom() })
  assert.deepEqual(shh6Status.decodeStatus(fromHex('c406808001')), { pow: 0, bloom: fullBloom(), light: true })
  const filter = bloomOf([topic])
  const eip627 = fromHex(`f84c06${POW}b840${toHex(filter)}`)
  assert.deepEqual(shh6Status.decodeStatus(eip627), { pow: 0.002, bloom: filter })
  // an item of the future
  assert.deepEqual(shh6Status.decodeStatus(fromHex('ca0680808001c30a050107')).packetLimits, limits)
})

test('a shh/6 Status of at most four items is that of a peer that takes bare envelopes only', () => {
  for (const short of ['c106', 'c406808001', 'cc06883f60624dd2f1a9fc8080'])
    assert.equal(isShortShh6(fromHex(short)), true)
  for (const long of ['c50680808001', 'c90680808001c3808080']) assert.equal(isShortShh6(fromHex(long)), false)
})

test('shh/6 announces and reads changes by the codes 2, 3 and 20 [SHH-02 SHH-07]', () => {
  const filter = bloomOf([topic])
  const packets = [`2:${POW}`, `3:b840${toHex(filter)}`, '20:c30a0501']
  assert.deepEqual(update(shh6Status, { pow: 0.002, bloom: filter, packetLimits: limits, light: true }), packets)
  assert.deepEqual(update(shh6Status, { topics: [topic] }), [`3:b840${toHex(filter)}`])
  assert.deepEqual(update(shh6Status, { light: true, confirmations: true }), [])
  assert.deepEqual(shh6Status.decodeUpdate(2, fromHex(POW)), { pow: 0.002 })
  assert.deepEqual(shh6Status.decodeUpdate(2, fromHex('80')), { pow: 0 })
  assert.deepEqual(shh6Status.decodeUpdate(3, fromHex(FULL)), { bloom: fullBloom() })
  assert.deepEqual(shh6Status.decodeUpdate(20, fromHex('c30a0501')), { packetLimits: limits })
})

test('a code that is no update is left alone, whatever its body [SHH-01]', () => {
  for (let code = 0; code < 128; code++) {
    for (const body of ['ff', 'c0', '']) {
      if (![2, 3, 20].includes(code)) assert.equal(shh6Status.decodeUpdate(code, fromHex(body)), undefined)
      if (![2, 3, 20, 21, 22].includes(code)) assert.equal(waku0Status.decodeUpdate(code, fromHex(body)), undefined)
    }
  }
})

test('a proof of work that is no number, infinite or negative is malformed wherever it stands [SHH-04]', () => {
  for (const bits of ['7ff8000000000000', '7ff0000000000000', 'fff0000000000000', 'bf847ae147ae147b']) {
    assert.throws(() => shh6Status.decodeStatus(fromHex(`ca0688${bits}`)), MALFORMED)
    assert.throws(() => waku0Status.decodeStatus(fromHex(`ca8088${bits}`)), MALFORMED)
    assert.throws(() => waku0Status.decodeStatus(fromHex(`cd80cbca3088${bits}`)), MALFORMED)
    for (const codec of [shh6Status, waku0Status])
      assert.throws(() => codec.decodeUpdate(2, fromHex(`88${bits}`)), MALFORMED)
    assert.throws(() => waku0Status.decodeUpdate(22, fromHex(`cbca3088${bits}`)), MALFORMED)
  }
  for (const pow of [Number.NaN, Number.POSITIVE_INFINITY, -0.1]) {
    for (const codec of [shh6Status, waku0Status]) {
      assert.throws(() => codec.encodeStatus({ pow }), UNENCODABLE)
      assert.throws(() => codec.encodeUpdate({ pow }), UNENCODABLE)
    }
  }
})

test('a bloom filter of another size than 64 bytes is malformed wherever it stands', () => {
  for (const size of [1, 63, 65]) {
    const wrong = new Uint8Array(size).fill(0xff)
    const item = size < 56 ? '81ff' : `b8${size.toString(16)}${toHex(wrong)}`
    const length = (n: number): string => (n < 56 ? (0xc0 + n).toString(16) : `f8${n.toString(16).padStart(2, '0')}`)
    const list = (hex: string): string => length(hex.length / 2) + hex
    assert.throws(() => shh6Status.decodeStatus(fromHex(list(`0680${item}`))), MALFORMED)
    assert.throws(() => waku0Status.decodeStatus(fromHex(list(`8080${item}`))), MALFORMED)
    assert.throws(() => waku0Status.decodeStatus(fromHex(list(`80${list(list(`31${item}`))}`))), MALFORMED)
    for (const codec of [shh6Status, waku0Status]) {
      assert.throws(() => codec.decodeUpdate(3, fromHex(item)), MALFORMED)
      assert.throws(() => codec.encodeStatus({ bloom: wrong }), UNENCODABLE)
      assert.throws(() => codec.encodeUpdate({ bloom: wrong }), UNENCODABLE)
    }
  }
  for (const codec of [shh6Status, waku0Status]) assert.throws(() => codec.decodeUpdate(3, fromHex('80')), MALFORMED)
})

test('a Status of another version, or without one, is malformed', () => {
  for (const body of ['c0', 'c105', 'c180', 'c1c0', '06', '', 'c206', 'c10600']) {
    assert.throws(() => shh6Status.decodeStatus(fromHex(body)), MALFORMED, body)
  }
  for (const body of ['c0', 'c101', 'c201c0', 'c2c0c0', '80', 'c480c20100']) {
    assert.throws(() => waku0Status.decodeStatus(fromHex(body)), MALFORMED, body)
  }
})

test('any bytes give options or are malformed, and never anything else', () => {
  const bytes = fc.uint8Array({ maxLength: 40 })
  fc.assert(
    fc.property(
      bytes,
      fc.constantFrom(shh6Status, waku0Status),
      fc.integer({ min: 0, max: 127 }),
      (body, codec, code) => {
        for (const read of [() => codec.decodeStatus(body), () => codec.decodeUpdate(code, body)]) {
          try {
            read()
          } catch (error) {
            assert.equal((error as Error).name, 'MalformedError')
          }
        }
      }
    ),
    { numRuns: 2000 }
  )
})

test('what is written is read again', () => {
  const figure = fc.nat()
  const rates = fc.record({ ip: figure, peer: figure, topic: figure }, { noNullPrototype: true })
  const some = fc.record(
    {
      pow: fc.double({ min: 0, max: 1e9, noNaN: true }),
      bloom: fc.uint8Array({ minLength: 64, maxLength: 64 }),
      light: fc.boolean(),
      confirmations: fc.boolean(),
      packetLimits: rates
    },
    { noNullPrototype: true }
  )
  fc.assert(
    fc.property(some, fc.array(fc.uint8Array({ minLength: 4, maxLength: 4 }), { maxLength: 20 }), (options, topics) => {
      assert.deepEqual(shh6Status.decodeStatus(shh6Status.encodeStatus(options)), options)
      const all = { ...options, topics }
      assert.deepEqual(waku0Status.decodeStatus(waku0Status.encodeStatus(all)), all)
    })
  )
})
