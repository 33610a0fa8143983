import assert from 'node:assert/strict'
import { randomBytes } from 'node:crypto'
import { test } from 'node:test'
import { FrameError } from '../../src/devp2p/errors.js'
import { FrameOpener, FrameSealer, type FrameSecrets } from '../../src/devp2p/frame-cipher.js'
import { portableKeccak, type RunningKeccak } from '../../src/devp2p/running-keccak.js'

const SIZE = 2_000_000
const CHUNK = 64 * 1024

/** Notes the most that is hashed at a time. */
class Watched implements RunningKeccak {
  most = 0
  readonly #keccak = portableKeccak()
  update(bytes: Uint8Array): void {
    this.most = Math.max(this.most, bytes.length)
    this.#keccak.update(bytes)
  }
  digest(): Uint8Array {
    return this.#keccak.digest()
  }
}

const keys = { aes: new Uint8Array(32).fill(1), mac: new Uint8Array(32).fill(2) }
const secrets = (): FrameSecrets => ({ ...keys, egress: portableKeccak(), ingress: portableKeccak() })

test('the MAC of a large frame is made as it comes: 16 MiB at once would keep everybody waiting', () => {
  const body = randomBytes(SIZE)
  const small = randomBytes(100)
  const sealer = new FrameSealer(secrets())
  const wire = Buffer.concat([[small], [body], [small], [body]].flatMap(message => sealer.seal([message])))
  const ingress = new Watched()
  const opener = new FrameOpener({ ...secrets(), ingress })
  const opened: Uint8Array[] = []
  for (let at = 0; at < wire.length; at += CHUNK) {
    opener.push(wire.subarray(at, at + CHUNK))
    for (let next = opener.next(); next !== undefined; next = opener.next()) opened.push(next)
  }
  assert.deepEqual(
    opened.map(bytes => Buffer.from(bytes)),
    [small, body, small, body]
  )
  assert.ok(ingress.most <= CHUNK, `${ingress.most} bytes`)
  assert.ok(opener.idle)
})

test('one that was altered anywhere is refused', () => {
  const wire = Buffer.concat(new FrameSealer(secrets()).seal([[randomBytes(SIZE)]]))
  for (const at of [40, CHUNK + 5, wire.length - 20, wire.length - 1]) {
    const altered = Buffer.from(wire)
    altered[at] = (altered[at] as number) ^ 1
    const opener = new FrameOpener(secrets())
    for (let from = 0; from < altered.length; from += CHUNK) opener.push(altered.subarray(from, from + CHUNK))
    assert.throws(() => opener.next(), FrameError)
  }
})

test('what is given back of a frame takes nothing of the next with it, wherever the socket cuts', () => {
  const messages = [20_000, 10, 20_000, 17_000].map(size => randomBytes(size))
  const sealer = new FrameSealer(secrets())
  const frames = messages.map(message => Buffer.concat(sealer.seal([[message]])))
  const wire = Buffer.concat(frames)
  const header = 32
  for (const beyond of [0, 1, 20, 32, 60]) {
    const opener = new FrameOpener(secrets())
    const opened: Uint8Array[] = []
    let from = 0
    let end = 0
    // each chunk has memory of its own, as those of a socket do
    const push = (to: number): void => {
      opener.push(new Uint8Array(wire.subarray(from, to)))
      from = Math.max(from, to)
      for (let next = opener.next(); next !== undefined; next = opener.next()) opened.push(next)
    }
    for (const { length } of frames) {
      push(end + header)
      end += length
      push(end + beyond)
    }
    assert.deepEqual(
      opened.map(bytes => Buffer.from(bytes)),
      messages,
      `${beyond} bytes beyond a frame`
    )
  }
})

test('a large frame is put together in parts, and each chunk of it is given back when it is copied', () => {
  const body = randomBytes(SIZE)
  const wire = Buffer.concat(new FrameSealer(secrets()).seal([[body]]))
  const opener = new FrameOpener(secrets())
  const chunks: Uint8Array[] = []
  for (let at = 0; at < wire.length; at += CHUNK) {
    // each has memory of its own, as those of a socket do
    const chunk = new Uint8Array(wire.subarray(at, at + CHUNK))
    chunks.push(chunk)
    opener.push(chunk)
    opener.nextSize()
    assert.equal(opener.buffered, Math.min(at + CHUNK, wire.length) - 32)
  }
  assert.ok(opener.ready)
  assert.deepEqual(
    chunks.slice(1, -1).map(({ length }) => length),
    Array.from({ length: chunks.length - 2 }, () => 0)
  )
  let steps = 1
  while (!opener.prepare()) steps++
  assert.equal(steps, Math.ceil(SIZE / (256 * 1024)))
  assert.deepEqual(Buffer.from(opener.next() as Uint8Array), body)
  assert.ok(opener.idle)
})

test('what came of a large frame that nobody will take is given back', () => {
  const wire = Buffer.concat(new FrameSealer(secrets()).seal([[randomBytes(SIZE)]]))
  const opener = new FrameOpener(secrets())
  for (let at = 0; at < SIZE / 2; at += CHUNK) opener.push(wire.subarray(at, at + CHUNK))
  assert.equal(opener.nextSize(), SIZE)
  assert.ok(opener.buffered > 900_000)
  opener.drop()
  assert.equal(opener.buffered, 0)
  assert.ok(opener.idle)
  assert.equal(opener.next(), undefined)
})
