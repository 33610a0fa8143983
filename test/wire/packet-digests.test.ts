import assert from 'node:assert/strict'
import { test } from 'node:test'
import { concatBytes, fromHex } from '../../src/wire/bytes.js'
import { decodeEnvelope, type EnvelopeDigest, encodeEnvelope } from '../../src/wire/envelope/envelope.js'
import { keccak256 } from '../../src/wire/keccak.js'
import { batchHash, encodeMessages } from '../../src/wire/packet/messages.js'
import { digestPacket, PacketDigests } from '../../src/wire/packet/packet-digests.js'
import { encodeString } from '../../src/wire/rlp.js'
import { newEnvelope } from '../helpers/envelopes.js'

test('digests are what hashing each envelope gives, also of what is none', () => {
  const envelopes = Array.from({ length: 40 }, (_, i) => newEnvelope({ data: new Uint8Array(i * 9) }))
  const raws = envelopes.map(({ raw }) => raw)
  raws.splice(7, 0, fromHex('c0'))
  raws.push(encodeString(new Uint8Array(100)))
  const body = encodeMessages(raws)
  const digests = new PacketDigests(digestPacket(body, { pow: 1e9 }))
  assert.deepEqual(digests.batch, batchHash(body))
  for (const [i, raw] of raws.entries()) {
    const { hash, powBits } = digests.of(i) as EnvelopeDigest
    assert.deepEqual(hash, keccak256(raw))
    assert.equal(hash.buffer.byteLength, 32, 'the hash of one does not keep all')
    assert.equal(powBits, i === 7 || i === 41 ? undefined : decodeEnvelope(raw).powBits)
  }
})

test('work is hashed only where size and TTL do not decide', () => {
  const small = newEnvelope({ ttl: 1, data: new Uint8Array(10) })
  const large = newEnvelope({ ttl: 1000, data: new Uint8Array(1000) })
  const digests = new PacketDigests(digestPacket(encodeMessages([small.raw, large.raw]), { pow: 1e-4 }))
  assert.equal(digests.of(0)?.powBits, undefined)
  assert.equal(digests.of(1)?.powBits, large.powBits)
})

test('of a packet that is given up the rest is left out', () => {
  const strange = fromHex('c0')
  const body = encodeMessages([newEnvelope().raw, ...Array.from({ length: 100 }, () => strange), newEnvelope().raw])
  const bytes = digestPacket(body, { pow: 1, patience: 10 })
  const digests = new PacketDigests(bytes)
  assert.deepEqual(digests.of(10)?.hash, keccak256(strange))
  assert.equal(digests.of(11), undefined)
  assert.equal(bytes.length, 32 + 11 * 34)
  const all = new PacketDigests(digestPacket(body, { pow: 1, patience: 100 }))
  assert.notEqual(all.of(101), undefined)
})

test('digests take memory for what was hashed, not for what a packet says that it holds', () => {
  const tiny = Array.from({ length: 16_383 }, () => fromHex('c0'))
  const { raw, hash } = newEnvelope()
  const bytes = digestPacket(encodeMessages([raw, ...tiny]), { pow: 1, patience: 1024 })
  assert.ok(bytes.buffer.byteLength < 80_000, `${bytes.buffer.byteLength} bytes`)
  const many = new PacketDigests(digestPacket(encodeMessages([...tiny.slice(0, 3000), raw]), { pow: 1 }))
  assert.deepEqual(many.of(3000)?.hash, hash)
  assert.equal(many.of(3001), undefined)
})

test('what is no packet has no digests', () => {
  assert.throws(() => digestPacket(fromHex('80'), { pow: 0 }), { name: 'MalformedError' })
  assert.throws(() => digestPacket(concatBytes(encodeMessages([]), fromHex('00')), { pow: 0 }), {
    name: 'MalformedError'
  })
})

test('an envelope believes the digest that it is given, and moves with all its fields', () => {
  const { raw, hash } = newEnvelope({ data: new Uint8Array(50).fill(3) })
  const packet = concatBytes(raw, raw)
  const envelope = decodeEnvelope(packet.subarray(raw.length), { hash, powBits: 77 })
  assert.equal(envelope.hash, hash)
  assert.equal(envelope.powBits, 77)
  const fields = [envelope.topic, envelope.data, envelope.nonce]
  assert.throws(() => envelope.moveTo(new Uint8Array(envelope.roomSize + 4), 5), RangeError)
  const memory = new Uint8Array(envelope.roomSize + 5)
  envelope.moveTo(memory, 5)
  packet.fill(0)
  assert.deepEqual(envelope.raw, raw)
  assert.deepEqual(envelope.hash, hash)
  assert.equal(envelope.raw.buffer, memory.buffer)
  assert.deepEqual([envelope.topic, envelope.data, envelope.nonce].map(String), [
    String(decodeEnvelope(raw).topic),
    String(decodeEnvelope(raw).data),
    String(fields[2])
  ])
  assert.equal(envelope.data.buffer, memory.buffer)
  assert.deepEqual(encodeEnvelope(envelope).raw, raw)
})
