import '../../src/base/polyfill.js'
import assert from 'node:assert/strict'
import { once } from 'node:events'
import { test } from 'node:test'
import type { Stream } from '@libp2p/interface'
import { streamPair } from '@libp2p/utils'
import { FrameStream } from '../../src/libp2p/frame-stream.js'
import type { Packet } from '../../src/waku/packet-channel.js'
import { fromHex, toHex } from '../../src/wire/bytes.js'
import { encodeFrame } from '../../src/wire/packet/packet-frame.js'
import { encodeString } from '../../src/wire/rlp.js'
import { realStreamPair } from '../helpers/libp2p-node.js'

async function collect(frames: FrameStream): Promise<Packet[]> {
  const packets: Packet[] = []
  for await (const packet of frames.packets) packets.push(packet)
  return packets
}

async function closed(stream: Stream): Promise<void> {
  if (stream.status !== 'open') return
  await once(stream as unknown as EventTarget, 'close')
}

const body = (length: number, fill = 7): Uint8Array => encodeString(new Uint8Array(length).fill(fill))

test('reads the frames of the specification, however they are cut [WAKU-13]', async () => {
  const bytes = fromHex(`03c201c003c280c003c27fc023e20ba0${'ab'.repeat(32)}`)
  for (const cut of [bytes.length, 1, 2, 3, 5]) {
    const [near, far] = await streamPair()
    const frames = new FrameStream(far)
    const reading = collect(frames)
    for (let at = 0; at < bytes.length; at += cut) near.send(bytes.slice(at, at + cut))
    await near.close()
    const packets = await reading
    assert.deepEqual(
      packets.map(p => [p.code, toHex(p.body)]),
      [
        [0x01, 'c0'],
        [0x00, 'c0'],
        [0x7f, 'c0'],
        [0x0b, `a0${'ab'.repeat(32)}`]
      ]
    )
  }
})

test('what it sends is varint, list header, code and the spliced body', async () => {
  const [near, far] = await streamPair()
  const frames = new FrameStream(near)
  const received: Uint8Array[] = []
  far.addEventListener('message', event => received.push(event.data.subarray()))
  await frames.send(0x01, fromHex('c0'))
  await frames.send(0x00, [fromHex('c2'), fromHex('c0c0')])
  await frames.closeWrite()
  if (!far.readableEnded) await once(far as unknown as EventTarget, 'end')
  assert.equal(toHex(Buffer.concat(received)), '03c201c0' + '05c480c2c0c0')
})

test('a frame over its limit resets the stream from its first bytes alone [WAKU-10]', async () => {
  const heads: Array<[string, string]> = [
    ['length 1 MiB + 17', '918040'],
    ['length of 5 bytes', 'ffffffff7f'],
    ['a request of 16 KiB + 1', '818001f93ffe7e'],
    ['a completion of 16 KiB + 1', '818001f93ffe7d']
  ]
  for (const [name, head] of heads) {
    const [near, far] = await streamPair()
    const frames = new FrameStream(far)
    near.send(fromHex(head))
    await assert.rejects(collect(frames), { name: 'FrameTooLargeError' }, name)
    await closed(near)
    assert.equal(near.status, 'reset', name)
  }
})

test('a frame that is no packet resets the stream', async () => {
  const heads: Array<[string, string]> = [
    ['empty', '00'],
    ['string', '0180'],
    ['non-minimal length', '8300c201c0'],
    ['code above 127', '04c38180c0'],
    ['code with a leading zero byte', '03c200c0'],
    ['one item', '02c101'],
    ['list longer than the frame', '03c301c0'],
    ['header longer than the frame', '03fa0000'],
    ['trailing bytes', '04c201c000']
  ]
  for (const [name, head] of heads) {
    const [near, far] = await streamPair()
    const frames = new FrameStream(far)
    near.send(fromHex(head))
    await assert.rejects(collect(frames), { name: 'MalformedError' }, name)
    await closed(near)
    assert.equal(near.status, 'reset', name)
  }
})

test('the largest frame passes, 1 MiB + 16 after the varint', async () => {
  const [near, far] = await streamPair()
  const frames = new FrameStream(far)
  const largest = body(1024 * 1024 + 16 - 4 - 1 - 4)
  const reading = collect(frames)
  const sender = new FrameStream(near)
  await sender.send(0x01, largest)
  await sender.closeWrite()
  const packets = await reading
  assert.equal(packets.length, 1)
  assert.deepEqual(packets[0]?.body, largest)
})

test('ending inside a frame is an error, ending between frames is not', async () => {
  const [near, far] = await streamPair()
  const frames = new FrameStream(far)
  near.send(fromHex('03c201'))
  await near.close()
  await assert.rejects(collect(frames), { name: 'FrameTruncatedError' })

  const [near2, far2] = await streamPair()
  await near2.close()
  assert.deepEqual(await collect(new FrameStream(far2)), [])
})

test('what was put back after the stream had ended is read before the end', async () => {
  for (const [hex, codes] of [
    ['03c201c003c27fc0', [0x01, 0x7f]],
    ['', []]
  ] as const) {
    const [near, far] = await streamPair()
    // whoever negotiates the protocol reads to the end, and puts back what it did not need
    const read: Uint8Array[] = []
    const onMessage = ({ data }: { data: { subarray(): Uint8Array } }) => read.push(data.subarray())
    far.addEventListener('message', onMessage)
    const ended = once(far as unknown as EventTarget, 'end')
    near.send(fromHex(`0a0b${hex}`))
    await near.close()
    await ended
    far.removeEventListener('message', onMessage)
    far.unshift(Buffer.concat(read).subarray(2))
    assert.equal(far.readableEnded, true)
    const packets = await collect(new FrameStream(far))
    assert.deepEqual(
      packets.map(({ code }) => code),
      codes
    )
  }
})

test('the whole frames that came before a reset are read before it', async () => {
  const [near, far] = await streamPair()
  const frames = new FrameStream(far, { highWater: 8 })
  const packets = frames.packets[Symbol.asyncIterator]()
  const reset = once(frames.signal, 'abort')
  near.send(fromHex('03c201c003c202c003c203c003c2'))
  assert.equal((await packets.next()).value.code, 1)
  near.abort(new Error('test'))
  await reset
  assert.equal((await packets.next()).value.code, 2)
  assert.equal((await packets.next()).value.code, 3)
  await assert.rejects(packets.next(), { name: 'StreamResetError' })
})

test('a reset by the peer reaches the reader and the signal', async () => {
  const [near, far] = await streamPair()
  const frames = new FrameStream(far)
  const reading = assert.rejects(collect(frames), { name: 'StreamResetError' })
  near.abort(new Error('test'))
  await reading
  assert.equal(frames.signal.aborted, true)
  await assert.rejects(frames.send(1, fromHex('c0')), { name: 'StreamResetError' })
})

test('sending on a closed side is a typed error', async () => {
  const [near] = await streamPair()
  const frames = new FrameStream(near)
  await frames.closeWrite()
  await assert.rejects(frames.send(1, fromHex('c0')), { name: 'FrameStreamClosedError' })
})

test('silence ends the stream after readTimeout, and only when one is set', async () => {
  const [, far] = await streamPair()
  const frames = new FrameStream(far, { readTimeout: 20 })
  await assert.rejects(collect(frames), { name: 'FrameTimeoutError' })

  const [near2, far2] = await streamPair()
  const patient = collect(new FrameStream(far2, { stallTimeout: 10 }))
  await new Promise(resolve => setTimeout(resolve, 60))
  await new FrameStream(near2).send(1, fromHex('c0'))
  await near2.close()
  assert.equal((await patient).length, 1)
})

test('a frame that trickles in ends the stream', async () => {
  const [near, far] = await streamPair()
  const frames = new FrameStream(far, { stallTimeout: 40 })
  const reading = assert.rejects(collect(frames), { name: 'FrameTimeoutError' })
  const bytes = encodeFrame(1, body(1000))
  let at = 0
  const trickle = setInterval(() => {
    if (near.writeStatus === 'writable') near.send(bytes.slice(at, ++at))
  }, 5)
  await reading
  clearInterval(trickle)
})

test('everything sent before the close is delivered to a slow reader over TCP', async t => {
  const { near, far, stop } = await realStreamPair()
  t.after(stop)
  const sender = new FrameStream(near)
  const receiver = new FrameStream(far, { highWater: 1000 })
  const sending = (async () => {
    for (let i = 0; i < 300; i++) await sender.send(1, body(1000, i & 0xff))
    await sender.closeWrite()
  })()
  let count = 0
  for await (const packet of receiver.packets) {
    assert.deepEqual(packet.body, body(1000, count & 0xff))
    count++
    await new Promise(resolve => setImmediate(resolve))
  }
  await sending
  assert.equal(count, 300)
})

for (const windowSize of [undefined, 1024 * 1024]) {
  test(`a reader that stops is never sent more than a window, and loses nothing when it goes on (${windowSize ?? 'default'} window)`, async t => {
    const { near, far, stop } = await realStreamPair(windowSize === undefined ? {} : { windowSize })
    t.after(stop)
    const sender = new FrameStream(near)
    const receiver = new FrameStream(far)
    const total = 96
    let sent = 0
    const sending = (async () => {
      for (let i = 0; i < total; i++) {
        await sender.send(1, body(1000_000, i))
        sent++
      }
      await sender.closeWrite()
    })()
    const packets = receiver.packets[Symbol.asyncIterator]()
    // let the window grow as it does under load, then stall
    for (let i = 0; i < 20; i++) assert.equal((await packets.next()).done, false)
    let before = -1
    while (before !== sent) {
      before = sent
      await new Promise(resolve => setTimeout(resolve, 200))
    }
    assert.ok(sent < 70, `${sent} MB were taken from a sender whose reader had stopped after 20`)
    assert.equal(far.status, 'open')
    for (let i = 20; i < total; i++) {
      const { value } = await packets.next()
      assert.equal(value.body[10], i)
    }
    assert.equal((await packets.next()).done, true)
    await sending
  })
}

test('a peer that takes nothing ends the stream after writeTimeout; an abort only ends the waiting', async t => {
  const { near, far, stop } = await realStreamPair({ windowSize: 256 * 1024 })
  t.after(stop)
  far.pause()
  const sender = new FrameStream(near, { writeTimeout: 200 })
  const flood = async (signal?: AbortSignal): Promise<void> => {
    for (;;) await sender.send(1, body(500_000), { signal })
  }
  const controller = new AbortController()
  const flooding = flood(controller.signal)
  setTimeout(() => controller.abort(new Error('enough')), 50)
  await assert.rejects(flooding, { message: 'enough' })
  assert.equal(near.status, 'open')
  await assert.rejects(flood(), { name: 'FrameTimeoutError' })
  assert.equal(near.status, 'aborted')
})

test('close lets what was sent leave, and resets a peer that never closes its side', async t => {
  const { near, far, stop } = await realStreamPair()
  t.after(stop)
  const sender = new FrameStream(near, { closeTimeout: 100 })
  const receiver = new FrameStream(far)
  await sender.send(1, body(100_000))
  const closing = sender.close()
  const packets = receiver.packets[Symbol.asyncIterator]()
  assert.equal((await packets.next()).value.code, 1)
  await closing
  assert.equal(near.status, 'aborted')
})

test('close is clean when both sides close', async t => {
  const { near, far, stop } = await realStreamPair()
  t.after(stop)
  const a = new FrameStream(near)
  const b = new FrameStream(far)
  const reading = collect(b)
  await a.send(1, fromHex('c0'))
  await Promise.all([a.close(), reading.then(() => b.close())])
  assert.equal(near.status, 'closed')
  assert.equal(far.status, 'closed')
})

test('a flood of tiny frames leaves everything else its turn', async () => {
  const [near, far] = await streamPair()
  const frames = new FrameStream(far)
  const count = 200_000
  const flood = new Uint8Array(4 * count)
  for (let i = 0; i < count; i++) flood.set([3, 0xc2, 1, 0xc0], 4 * i)
  near.send(flood)
  void near.close()
  let read = 0
  let turns = 0
  const beat = setInterval(() => turns++, 1)
  for await (const { code } of frames.packets) read += code
  clearInterval(beat)
  assert.equal(read, count)
  assert.ok(turns > 5, `${turns} turns`)
})
