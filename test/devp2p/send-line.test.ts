import assert from 'node:assert/strict'
import { test } from 'node:test'
import { SendLine } from '../../src/devp2p/send-line.js'

const KIB = 1024

/** A socket that keeps what is sent until the test lets it leave. */
function writer() {
  const sent: number[] = []
  const state = { queued: 0 }
  return {
    sent,
    get queued(): number {
      return state.queued
    },
    send(message: readonly Uint8Array[]): void {
      const size = message.reduce((sum, part) => sum + part.length, 0)
      sent.push(size)
      state.queued += size
    },
    leave(bytes: number): void {
      state.queued -= bytes
    }
  }
}

const message = (kib: number): Uint8Array[] => [new Uint8Array(kib * KIB)]

test('bulk never puts more than 256 KiB ahead of what comes after it, and goes on when there is room', async () => {
  const out = writer()
  const line = new SendLine(out)
  const options = { bulk: true }
  await line.send(message(100), options)
  await line.send(message(150), options)
  const third = line.send(message(100), options)
  assert.deepEqual(out.sent, [100 * KIB, 150 * KIB], 'the third would make 350')
  out.leave(90 * KIB)
  line.progress()
  assert.equal(out.sent.length, 2, '160 and 100 are still too many')
  out.leave(10 * KIB)
  line.progress()
  await third
  assert.equal(out.queued, 250 * KIB)
  // something small waits behind no more than that
  await line.send(message(1), {})
  assert.equal(out.sent.at(-1), KIB)
})

test('a bulk message that is larger than that goes alone', async () => {
  const out = writer()
  const line = new SendLine(out)
  await line.send(message(10), {})
  const large = line.send(message(900), { bulk: true })
  const after = line.send(message(1), {})
  line.progress()
  assert.equal(out.sent.length, 1)
  out.leave(10 * KIB)
  line.progress()
  await large
  assert.equal(out.sent.at(-1), 900 * KIB)
  out.leave(900 * KIB)
  line.progress()
  await after
})
