import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { FrameSocket } from '../../src/devp2p/frame-socket.js'
import { MessageReader } from '../../src/devp2p/message-reader.js'
import { Limits } from '../../src/limits/limits.js'

const MESSAGES = 12
/** What opening one takes: more than a short turn of the event loop, ms. */
const EACH = 4

/** A socket on which all messages are there. */
function fullSocket(): FrameSocket {
  let left = MESSAGES
  const socket: Pick<FrameSocket, 'nextSize' | 'ready' | 'buffered' | 'take' | 'more' | 'pause'> = {
    get nextSize() {
      return left > 0 ? 1 : undefined
    },
    ready: true,
    buffered: 0,
    take: () => {
      left--
      return new Uint8Array(1)
    },
    more: async () => false,
    pause: () => {}
  }
  return socket as FrameSocket
}

/** How often a connection waited for its turn to open its messages, by a clock that only they advance. */
async function waits(limits: Limits, peer: string, clock: { now: number }): Promise<number> {
  const before = limits.counts.snapshot().waited_reading
  const { signal } = new AbortController()
  const reader = new MessageReader({
    frames: fullSocket(),
    limits,
    origin: { peer, address: peer },
    signal,
    state: { ended: undefined, streams: [], maxMessage: 100 },
    hurried: false,
    roomTimeout: 60_000,
    take: () => {
      clock.now += EACH
      return undefined
    }
  })
  await reader.run()
  return limits.counts.snapshot().waited_reading - before
}

test('who alone brings much has longer turns, until another one does', async t => {
  const clock = { now: performance.now() }
  t.mock.method(performance, 'now', () => clock.now)
  const limits = new Limits()
  const alone = await waits(limits, 'alone', clock)
  const beside = await waits(limits, 'another', clock)
  assert.ok(alone > 0, 'it does not keep the event loop for itself')
  assert.ok(beside >= MESSAGES - 2, `it waits for nearly each: ${beside}`)
  assert.ok(alone <= MESSAGES / 3, `a turn is three times as long: ${alone}`)
})
