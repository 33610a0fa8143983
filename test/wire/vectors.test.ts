import assert from 'node:assert/strict'
import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { vectorFiles } from '../../scripts/vectors-files.js'
import { fromHex, toHex } from '../../src/wire/bytes.js'
import { envelopeMatchesBloom } from '../../src/wire/envelope/bloom.js'
import { decodeEnvelope } from '../../src/wire/envelope/envelope.js'
import { acceptablePow } from '../../src/wire/envelope/pow.js'
import { MalformedError } from '../../src/wire/errors.js'
import { decodeBatchAck, decodeMessageResponse } from '../../src/wire/packet/confirmation.js'
import { splitMessages } from '../../src/wire/packet/messages.js'
import { decodeFrame } from '../../src/wire/packet/packet-frame.js'
import { decodeStatusOptions } from '../../src/wire/packet/status.js'
import { decodePayload } from '../../src/wire/payload/payload.js'
import { openSymmetric } from '../../src/wire/payload/symmetric.js'
import { decodeHistoryRequest, settleRequest } from '../../src/wire/request/history-request.js'
import { splitP2PMessage } from '../../src/wire/request/p2p-message.js'
import { decodeRequestComplete } from '../../src/wire/request/request-complete.js'
import { RequestError } from '../../src/wire/request/request-error.js'
import { repositoryRoot } from '../helpers/repository.js'

type Case = Record<string, string>
type Group = (Case & { [name: string]: unknown })[]

const folder = join(repositoryRoot, 'protocols', 'vectors')
const committed = (name: string): string => readFileSync(join(folder, name), 'utf8')
const group = (name: string, key: string): Group => {
  const cases = JSON.parse(committed(name))[key]
  assert.ok(Array.isArray(cases) && cases.length > 0, `${name}: ${key}`)
  return cases
}
/** As the vectors spell it: bytes as 0x-hex. */
const spelled = (value: unknown): unknown =>
  JSON.parse(
    JSON.stringify(value, (_, part) => {
      if (part instanceof Uint8Array) return `0x${toHex(part)}`
      if (part instanceof Map) return [...part].map(([key, item]) => [key, item.raw])
      return part
    })
  )
const hexes = (items: { raw: Uint8Array }[]): unknown => items.map(item => `0x${toHex(item.raw)}`)
const bytes = (one: Record<string, unknown>, name: string): Uint8Array => fromHex(one[name] as string)

test('the committed vectors are what the codecs write today', async () => {
  const files = await vectorFiles()
  assert.deepEqual(readdirSync(folder).sort(), [...files.keys()].sort())
  for (const [name, text] of files) assert.equal(committed(name), text, name)
})

test('the committed frames, statuses and messages are read as they say', () => {
  for (const one of [...group('frame.json', 'frames'), ...group('frame.json', 'read')]) {
    const frame = bytes(one, 'frame')
    const start = (frame[0] as number) < 0x80 ? 1 : 2
    assert.deepEqual(spelled(decodeFrame(frame.subarray(start))), { code: one.code, body: one.body })
  }
  for (const one of [...group('status.json', 'written'), ...group('status.json', 'read')]) {
    assert.deepEqual(spelled(decodeStatusOptions(bytes(one, 'body'))), one.options, one.name)
  }
  for (const one of group('messages.json', 'messages')) {
    assert.deepEqual(hexes(splitMessages(bytes(one, 'body'))), one.envelopes)
  }
  for (const one of group('messages.json', 'acks')) assert.equal(spelled(decodeBatchAck(bytes(one, 'body'))), one.batch)
  for (const one of group('messages.json', 'responses')) {
    const { batch, refused } = one
    assert.deepEqual(spelled(decodeMessageResponse(bytes(one, 'body'))), { batch, refused })
  }
  for (const one of group('p2p-message.json', 'messages')) {
    assert.deepEqual(hexes(splitP2PMessage(bytes(one, 'body'))), one.envelopes)
  }
})

test('the committed envelopes, filters and payloads are read as they say', () => {
  for (const one of group('envelope.json', 'envelopes')) {
    const { expiry, ttl, topic, data, nonce, hash, sent, powHash } = decodeEnvelope(bytes(one, 'rlp'))
    const read = { expiry, ttl, topic, data, nonce: String(nonce), hash, sent, powHash }
    const names = Object.keys(read)
    assert.deepEqual(spelled(read), Object.fromEntries(names.map(name => [name, one[name]])), one.name)
  }
  for (const one of group('envelope.json', 'mined')) {
    assert.ok(acceptablePow(decodeEnvelope(bytes(one, 'rlp')), Number(one.target)))
  }
  for (const one of group('bloom.json', 'matches')) {
    assert.equal(envelopeMatchesBloom(bytes(one, 'filter'), bytes(one, 'topic')), one.match)
  }
  const key = fromHex(JSON.parse(committed('payload.json')).key)
  for (const { payload, padding, signer, data } of group('payload.json', 'written')) {
    const opened = spelled(decodePayload(openSymmetric(fromHex(data as string), key) as Uint8Array))
    assert.deepEqual(opened, signer === undefined ? { payload, padding } : { payload, padding, signer })
  }
  for (const { name, plaintext, ...opened } of group('payload.json', 'read')) {
    assert.deepEqual(spelled(decodePayload(fromHex(plaintext as string))), opened, name)
  }
})

test('the committed requests and completions are read as they say', () => {
  for (const one of [...group('request.json', 'written'), ...group('request.json', 'read')]) {
    const decoded = spelled(decodeHistoryRequest(bytes(one, 'payload'), { network: 'libp2p' }))
    assert.deepEqual(decoded, { dialect: one.dialect, request: one.request }, one.name)
  }
  for (const one of group('request.json', 'sealed')) {
    const envelope = decodeEnvelope(bytes(one, 'body'))
    assert.equal(`0x${envelope.hashHex}`, one.requestId)
    assert.ok(acceptablePow(envelope, Number(one.requestPow), { minTtl: 1 }))
    const opened = decodePayload(openSymmetric(envelope.data, bytes(one, 'key')) as Uint8Array)
    assert.equal(spelled(opened.payload), one.payload)
    assert.equal(opened.signer && spelled(opened.signer), one.signer)
  }
  for (const one of [...group('completion.json', 'written'), ...group('completion.json', 'read')]) {
    assert.deepEqual(spelled(decodeRequestComplete(bytes(one, 'body'))), one.completion, one.name)
  }
})

const readers: [group: string, read: (bytes: Uint8Array) => unknown][] = [
  ['frames', decodeFrame],
  ['envelopes', decodeEnvelope],
  ['statuses', decodeStatusOptions],
  ['messages', splitMessages],
  ['completions', decodeRequestComplete],
  ['plaintexts', decodePayload]
]

test('the committed malformed bytes are refused', () => {
  for (const [name, read] of readers) {
    for (const one of group('malformed.json', name)) {
      assert.throws(() => read(bytes(one, 'bytes')), MalformedError, `${name}: ${one.why}`)
    }
  }
})

test('the committed bad requests are refused with the code that they name', () => {
  const read = (one: Record<string, unknown>): unknown =>
    decodeHistoryRequest(bytes(one, 'payload'), { network: 'libp2p' }).request
  for (const one of group('malformed.json', 'requests')) {
    const code = (error: Error): boolean => error instanceof RequestError && error.code === Number(one.code)
    assert.throws(() => read(one), code, one.why)
  }
  for (const one of group('malformed.json', 'asks')) {
    const { request } = decodeHistoryRequest(bytes(one, 'payload'), { network: 'libp2p' })
    const code = (error: Error): boolean => error instanceof RequestError && error.code === Number(one.code)
    assert.throws(() => settleRequest(request, { now: 1_700_000_000 }), code, one.why)
  }
})
