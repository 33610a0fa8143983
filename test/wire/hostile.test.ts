import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { concatBytes, fromHex, toHex } from '../../src/wire/bytes.js'
import { decodeEnvelope, encodeEnvelope } from '../../src/wire/envelope/envelope.js'
import { MalformedError } from '../../src/wire/errors.js'
import { decodeBatchAck, decodeMessageResponse } from '../../src/wire/packet/confirmation.js'
import { splitMessages } from '../../src/wire/packet/messages.js'
import { decodeFrame } from '../../src/wire/packet/packet-frame.js'
import { decodeStatusOptions } from '../../src/wire/packet/status.js'
import { decodePayload } from '../../src/wire/payload/payload.js'
import { openSymmetric } from '../../src/wire/payload/symmetric.js'
import { decodeHistoryRequest } from '../../src/wire/request/history-request.js'
import { splitP2PMessage } from '../../src/wire/request/p2p-message.js'
import { decodeRequestComplete } from '../../src/wire/request/request-complete.js'
import { RequestError } from '../../src/wire/request/request-error.js'
import { encodeList, listHeader } from '../../src/wire/rlp.js'

const readers: Record<string, (bytes: Uint8Array) => unknown> = {
  frame: decodeFrame,
  envelope: bytes => {
    const { nonce, hash, powHash } = decodeEnvelope(bytes)
    return [nonce, hash, powHash]
  },
  status: decodeStatusOptions,
  messages: splitMessages,
  'p2p message': splitP2PMessage,
  'batch ack': decodeBatchAck,
  'message response': decodeMessageResponse,
  completion: decodeRequestComplete,
  'request on libp2p': bytes => decodeHistoryRequest(bytes, { network: 'libp2p' }),
  'request on devp2p': bytes => decodeHistoryRequest(bytes, { network: 'devp2p' }),
  payload: decodePayload,
  ciphertext: bytes => openSymmetric(bytes, new Uint8Array(32).fill(1))
}

/** Throws what is no typed refusal. */
function readAll(bytes: Uint8Array): void {
  for (const [name, read] of Object.entries(readers)) {
    try {
      read(bytes)
    } catch (error) {
      const typed = error instanceof MalformedError || error instanceof RequestError
      assert.ok(typed, `${name}: ${error} for ${toHex(bytes.subarray(0, 100))}`)
    }
  }
}

const noise = fc.uint8Array({ maxLength: 200 })

/** Bytes that look like RLP for a while. */
const tree = fc.letrec<{ item: Uint8Array }>(tie => ({
  item: fc.oneof(
    { maxDepth: 5 },
    fc.constantFrom('80', 'c0', '00', '01', '7f', '8180', '8400000000', '8105', 'b800', 'f800').map(fromHex),
    fc
      .constantFrom(4, 32, 36, 64)
      .map(length =>
        concatBytes(fromHex(length < 56 ? (0x80 + length).toString(16) : 'b840'), new Uint8Array(length).fill(7))
      ),
    noise,
    fc.array(tie('item'), { maxLength: 8 }).map(encodeList)
  )
})).item

test('random bytes are read or refused, never anything else', () => {
  fc.assert(fc.property(noise, readAll), { numRuns: 500 })
})

test('random lists are read or refused, never anything else', () => {
  fc.assert(fc.property(tree, readAll), { numRuns: 1500 })
})

test('every cut of a good packet is refused', () => {
  const envelope = encodeEnvelope({
    expiry: 20,
    ttl: 10,
    topic: fromHex('01020304'),
    data: new Uint8Array(60),
    nonce: 70n
  })
  const body = encodeList([envelope.raw, envelope.raw])
  for (let length = 0; length < body.length; length++) {
    const cut = body.subarray(0, length)
    assert.throws(() => splitMessages(cut), MalformedError)
    assert.throws(() => decodeEnvelope(envelope.raw.subarray(0, Math.min(length, envelope.size - 1))), MalformedError)
    readAll(cut)
  }
})

test('lists nested 100000 deep cost no more than their bytes', () => {
  const deep = new Uint8Array(400_000)
  let start = deep.length
  for (let depth = 0; depth < 100_000; depth++) {
    const header = listHeader(deep.length - start)
    start -= header.length
    deep.set(header, start)
  }
  readAll(deep.subarray(start))
  const opened = new Uint8Array(100_000).fill(0xc1)
  readAll(opened)
  readAll(concatBytes(listHeader(opened.length), opened))
})

test('a claimed length allocates nothing', () => {
  for (const hex of ['fbffffffff', 'bbffffffff', 'ff0fffffffffffffff', 'bf1fffffffffffffff', 'f9ffff', 'b9ffff00']) {
    const before = process.memoryUsage().arrayBuffers
    for (let i = 0; i < 100; i++) readAll(fromHex(hex))
    assert.ok(process.memoryUsage().arrayBuffers - before < 8 * 1024 * 1024)
  }
})

test('a megabyte of the smallest items is refused before an array of them grows', () => {
  const items = new Uint8Array(1024 * 1024).fill(0x80)
  const body = concatBytes(listHeader(items.length), items)
  for (const [name, read] of Object.entries(readers)) {
    // not lists, or read without looking at what follows
    if (['payload', 'ciphertext', 'frame', 'p2p message'].includes(name)) continue
    assert.throws(
      () => read(body),
      (error: Error) => error instanceof MalformedError || error instanceof RequestError,
      name
    )
  }
})
