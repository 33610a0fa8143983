import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { fromHex, toHex } from '../../src/wire/bytes.js'
import { decodeEnvelope } from '../../src/wire/envelope/envelope.js'
import { keyFromPassword } from '../../src/wire/envelope/key.js'
import { shh6Status, waku0Status } from '../../src/wire/packet/legacy-status.js'
import { waku1Status } from '../../src/wire/packet/status-codec.js'
import { decodePayload } from '../../src/wire/payload/payload.js'
import { openData } from '../../src/wire/payload/sealed-data.js'
import { type Capability, p2pForm } from '../../src/wire/request/dialect.js'
import type { Dialect } from '../../src/wire/request/history-request.js'
import { legacyMail } from '../../src/wire/request/legacy-mail.js'
import { splitP2PMessage } from '../../src/wire/request/p2p-message.js'
import { repositoryRoot } from '../helpers/repository.js'

const STATUS = { 'waku/1': waku1Status, 'waku/0': waku0Status, 'shh/6': shh6Status }

function committed<T>(name: string): T {
  return JSON.parse(readFileSync(join(repositoryRoot, 'protocols/vectors', `legacy-${name}.json`), 'utf8')) as T
}

/** A decoded value as the files spell it. */
function spelled(value: unknown): unknown {
  return JSON.parse(JSON.stringify(value, (_, part) => (part instanceof Uint8Array ? `0x${toHex(part)}` : part)))
}

test('the committed legacy Status vectors are read as they say', () => {
  const { written, readOnly, malformed } = committed<{
    written: { capability: Capability; options: object; status: string; update: { code: number; body: string }[] }[]
    readOnly: { capability: Capability; options: object; body: string }[]
    malformed: { capability: Capability; body: string }[]
  }>('status')
  for (const { capability, options, status, update } of written) {
    const read = spelled(STATUS[capability].decodeStatus(fromHex(status))) as Record<string, unknown>
    // shh/6 has no exact topics, and says the rest even when it is nothing
    const comparable = Object.entries(options).filter(([key]) => capability !== 'shh/6' || key !== 'topics')
    for (const [key, value] of comparable) assert.deepEqual(read[key], value)
    for (const { code, body } of update) assert.ok(STATUS[capability].decodeUpdate(code, fromHex(body)) !== undefined)
  }
  for (const { capability, options, body } of readOnly) {
    assert.deepEqual(spelled(STATUS[capability].decodeStatus(fromHex(body))), options)
  }
  for (const { capability, body } of malformed) {
    assert.throws(() => STATUS[capability].decodeStatus(fromHex(body)), { name: 'MalformedError' }, body)
  }
  assert.deepEqual([written.length, readOnly.length, malformed.length], [18, 5, 5])
})

test('the committed legacy requests are opened and read as they say [D-01]', async () => {
  const { password, key, vectors } = committed<{
    password: string
    key: string
    vectors: { dialect: Dialect; request: object; payload?: string; requestId: string; body: string }[]
  }>('request')
  assert.equal(`0x${toHex(await keyFromPassword(password))}`, key)
  const mail = legacyMail({ capability: 'waku/1', plain: true })
  for (const { dialect, request, payload, requestId, body } of vectors) {
    const plain = mail.decodePlain?.(fromHex(body))
    if (payload === undefined) {
      assert.equal(plain?.dialect, dialect)
      assert.deepEqual([spelled(plain.requestId), spelled(plain.read())], [requestId, request])
      continue
    }
    assert.equal(plain, undefined)
    const envelope = decodeEnvelope(fromHex(body))
    assert.equal(`0x${envelope.hashHex}`, requestId)
    const opened = decodePayload(openData(envelope.data, { symmetric: [fromHex(key)] }) as Uint8Array)
    assert.equal(`0x${toHex(opened.payload)}`, payload)
    assert.deepEqual(spelled(mail.decodePayload(opened.payload)), { dialect, request })
  }
  assert.equal(new Set(vectors.map(({ dialect }) => dialect)).size, 12)
})

test('the committed legacy completions and deliveries are read as they say [BR-06]', () => {
  const mail = legacyMail({ capability: 'waku/1' })
  const { vectors } = committed<{
    vectors: {
      complete: { requestId: string; cursor?: string; error?: { code: number } }
      string: string
      list: string
    }[]
  }>('completion')
  for (const { complete, string, list } of vectors) {
    for (const body of [string, list]) {
      const read = mail.decodeComplete(fromHex(body))
      assert.deepEqual(
        [spelled(read.requestId), spelled(read.cursor ?? null)],
        [complete.requestId, complete.cursor ?? null]
      )
    }
    assert.equal(mail.decodeComplete(fromHex(string)).error?.code, complete.error?.code)
  }
  const delivery = committed<{
    envelopes: string[]
    bodies: { form: string; one: string[]; two: string[] }[]
    forms: { capability: Capability; dialect: Dialect; batch?: boolean; form: string }[]
  }>('p2p-message')
  for (const { one, two } of delivery.bodies) {
    for (const [bodies, count] of [
      [one, 1],
      [two, 2]
    ] as const) {
      const raws = bodies.flatMap(body => splitP2PMessage(fromHex(body)).map(item => `0x${toHex(item.raw)}`))
      assert.deepEqual(raws, delivery.envelopes.slice(0, count))
    }
  }
  for (const { capability, form, ...asked } of delivery.forms) assert.equal(p2pForm(capability, asked), form)
})
