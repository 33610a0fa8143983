import assert from 'node:assert/strict'
import { randomBytes } from 'node:crypto'
import { test } from 'node:test'
import { FrameBuffer } from '../../src/libp2p/frame-buffer.js'
import { concatBytes, equalBytes } from '../../src/wire/bytes.js'
import { decodeFrame, encodeFrame } from '../../src/wire/packet/packet-frame.js'
import { encodeString } from '../../src/wire/rlp.js'

const MIB = 1024 * 1024
const CHUNK = 60_000

test('large and small frames come out as they went in, however they are cut, and none shares its memory', () => {
  const bodies = [10, 900_000, 10, 65_000, 66_000, 131_072, 1, 1_000_000].map(size => encodeString(randomBytes(size)))
  const wire = concatBytes(...bodies.map(body => encodeFrame(1, body)))
  for (const cut of [97, 4096, CHUNK, wire.length]) {
    const buffer = new FrameBuffer()
    const frames: Uint8Array[] = []
    for (let at = 0; at < wire.length; at += cut) {
      const before = buffer.length
      const chunk = wire.subarray(at, at + cut)
      buffer.push(chunk)
      assert.equal(buffer.length, before + chunk.length)
      for (let frame = buffer.take(); frame !== undefined; frame = buffer.take()) frames.push(frame)
    }
    assert.equal(buffer.partial, false)
    assert.equal(frames.length, bodies.length)
    frames.forEach((frame, i) => {
      assert.ok(equalBytes(decodeFrame(frame).body, bodies[i] as Uint8Array), `${i}`)
    })
    for (const frame of frames) if (frame.length > 70_000) assert.equal(frame.buffer.byteLength, frame.length)
  }
})

test('what came of frames without an end is free when their streams end, though all of it came in pieces that others hold', () => {
  const frame = encodeFrame(1, encodeString(new Uint8Array(1_000_000)))
  const buffers = Array.from({ length: 64 }, () => new FrameBuffer())
  for (const buffer of buffers)
    for (let at = 0; at < 900_000; at += CHUNK) {
      buffer.push(frame.subarray(at, at + CHUNK))
      assert.equal(buffer.ready, false)
    }
  const { arrayBuffers } = process.memoryUsage()
  for (const buffer of buffers) buffer.clear()
  assert.ok(arrayBuffers - process.memoryUsage().arrayBuffers > 50 * MIB)
  assert.equal(buffers[0]?.length, 0)
})
