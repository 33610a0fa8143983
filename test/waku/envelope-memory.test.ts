import assert from 'node:assert/strict'
import { test } from 'node:test'
import { EnvelopeMemory } from '../../src/waku/envelope-memory.js'
import { decodeEnvelope, type Envelope } from '../../src/wire/envelope/envelope.js'
import { keccak256 } from '../../src/wire/keccak.js'
import { newEnvelope } from '../helpers/envelopes.js'

const NOW = 1_700_000_000

function kept(memory: EnvelopeMemory, { ttl = 60, size = 100 }: { ttl?: number; size?: number }): Envelope {
  const { raw } = newEnvelope({ sent: NOW, ttl, data: new Uint8Array(size).fill(ttl) })
  const envelope = decodeEnvelope(raw)
  memory.keep(envelope, NOW)
  assert.deepEqual(envelope.raw, raw)
  assert.deepEqual(envelope.hash, keccak256(raw))
  assert.notEqual(envelope.raw.buffer, raw.buffer)
  return envelope
}

test('envelopes that live about equally long share memory; one never keeps much more than its own', () => {
  const memory = new EnvelopeMemory()
  const short = Array.from({ length: 200 }, () => kept(memory, { ttl: 60 }))
  const long = Array.from({ length: 200 }, () => kept(memory, { ttl: 6000 }))
  const buffers = (envelopes: Envelope[]) => new Set(envelopes.map(({ raw }) => raw.buffer))
  assert.ok(buffers(short).size < 20, `${buffers(short).size} pieces of memory`)
  for (const buffer of buffers(long)) assert.ok(!buffers(short).has(buffer))
  for (const { raw } of [...short, ...long]) assert.ok(raw.buffer.byteLength <= 4096)
  const large = kept(memory, { size: 5000 })
  assert.equal(large.raw.buffer.byteLength, large.roomSize)
})

test('no two envelopes have the same bytes of memory', () => {
  const memory = new EnvelopeMemory()
  const envelopes = Array.from({ length: 300 }, (_, i) =>
    kept(memory, { ttl: 1 + (i % 7) * 50, size: (i * 37) % 1200 })
  )
  for (const { raw, hash, ttl, data } of envelopes) {
    assert.deepEqual(hash, keccak256(raw))
    assert.deepEqual(data, new Uint8Array(data.length).fill(ttl))
    assert.equal(decodeEnvelope(raw).ttl, ttl)
  }
})
