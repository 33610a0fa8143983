import assert from 'node:assert/strict'
import { type TestContext, test } from 'node:test'
import type { Stream } from '@libp2p/interface'
import { streamPair } from '@libp2p/utils'
import { Uint8ArrayList } from 'uint8arraylist'
import { FrameStream } from '../../src/libp2p/frame-stream.js'
import { readPiecewise } from '../../src/libp2p/piecewise-frames.js'
import * as FIGURES from '../../src/limits/figures.js'
import { joinBytes } from '../../src/wire/bytes.js'
import { encodeFrame } from '../../src/wire/packet/packet-frame.js'
import { encodeString } from '../../src/wire/rlp.js'
import { realStreamPair } from '../helpers/libp2p-node.js'
import { until } from '../helpers/waku-node.js'

const KIB = 1024
const SYN = 1
const FIN = 4
const DATA = 0

interface Frame {
  header: { type: number; flag: number; streamID: number; length: number }
  data?: Uint8ArrayList
}

interface Muxer {
  decoder: { buffer: Uint8ArrayList; emitFrames(bytes: Uint8ArrayList): Generator<Frame> }
}

function header(type: number, flag: number, length: number): Uint8Array {
  const bytes = new Uint8Array(12)
  const view = new DataView(bytes.buffer)
  view.setUint8(1, type)
  view.setUint16(2, flag)
  view.setUint32(4, 1)
  view.setUint32(8, length)
  return bytes
}

async function muxer(): Promise<Muxer> {
  const { yamux } = await import('@libp2p/yamux')
  const [stream] = await streamPair()
  const made = yamux({ enableKeepAlive: false })().createStreamMuxer(stream as never)
  readPiecewise(made)
  return made as unknown as Muxer
}

test('frames of yamux say the same however they are cut, and keep nothing back', async () => {
  const sent = Uint8Array.from({ length: 300 }, (_, i) => i)
  const wire = joinBytes([
    header(DATA, SYN, 200),
    sent.subarray(0, 200),
    header(1, 0, 77),
    header(DATA, FIN, 100),
    sent.subarray(200),
    header(DATA, FIN, 0)
  ])
  for (const cut of [1, 3, 11, 12, 13, 64, wire.length]) {
    const { decoder } = await muxer()
    const frames: Frame[] = []
    for (let at = 0; at < wire.length; at += cut)
      frames.push(...decoder.emitFrames(new Uint8ArrayList(wire.subarray(at, at + cut))))
    const data = frames.filter(frame => frame.header.type === DATA)
    for (const frame of data) assert.equal(frame.header.length, frame.data?.byteLength)
    assert.deepEqual(joinBytes(data.map(frame => frame.data?.subarray() as Uint8Array)), sent)
    const flags = frames.filter(frame => frame.header.flag !== 0).map(frame => frame.header.flag)
    assert.deepEqual(flags, [SYN, FIN, FIN], `cut at ${cut}`)
    assert.deepEqual(
      frames.filter(({ header }) => header.type === 1).map(({ header }) => header.length),
      [77]
    )
  }
})

test('a frame that says it is long is no reason to keep any of it', async () => {
  const { decoder } = await muxer()
  const wire = joinBytes([header(DATA, SYN, 1024 * 1024 * 1024), new Uint8Array(100 * KIB)])
  const frames = [...decoder.emitFrames(new Uint8ArrayList(wire))]
  assert.equal(decoder.buffer.byteLength, 0)
  assert.deepEqual(
    frames.map(({ header }) => header.length),
    [100 * KIB]
  )
})

const frame = encodeFrame(1, encodeString(new Uint8Array(50 * KIB)))

async function pair(t: TestContext): Promise<{ near: Stream; far: Stream }> {
  const { near, far, stop } = await realStreamPair({ windowSize: 2 * KIB * KIB })
  t.after(stop)
  return { near, far }
}

test('what waits in the stream, and what is lent, is held like what waits here', async t => {
  const { near, far } = await pair(t)
  let held = 0
  const holds = (bytes: number): void => {
    held = bytes
  }
  const frames = new FrameStream(far, { highWater: FIGURES.libp2p.readAhead, holds })
  for (let i = 0; i < 4; i++) near.send(frame)
  // the first length is read
  await until(() => held === 4 * frame.length - 3 - FIGURES.memory.perStream)
  const packets = frames.packets[Symbol.asyncIterator]()
  for (let i = 0; i < 4; i++) await packets.next()
  assert.equal(held, 0)
  frames.lend(100 * KIB)
  assert.equal(held, 100 * KIB - FIGURES.memory.perStream)
  frames.lend(-100 * KIB)
  assert.equal(held, 0)
})

test('a peer that is slow to answer pings may send no more ahead for that', async t => {
  const { near, far } = await pair(t)
  // as if each round trip took a quarter of an hour: yamux then doubles what may be sent with each update
  Object.assign(far, { getRTT: () => 1_000_000 })
  const { window, readAhead } = FIGURES.libp2p
  const frames = new FrameStream(far, { highWater: readAhead, window })
  const packets = frames.packets[Symbol.asyncIterator]()
  for (let i = 0; i < 20; i++) {
    near.send(frame)
    await packets.next()
  }
  for (let i = 0; i < 40; i++) near.send(frame)
  await until(() => far.readBufferLength > 0 && near.writableNeedsDrain)
  const unsent = near.writeBufferLength
  assert.ok(40 * frame.length - unsent <= 2 * window + readAhead + frame.length, `${unsent} were kept back`)
})
