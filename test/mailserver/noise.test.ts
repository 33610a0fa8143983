import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { encodeHistoryRequest } from '../../src/wire/request/history-request.js'
import { newEnvelope } from '../helpers/envelopes.js'
import { aMailserver, aPeer, ask, type TestRequest } from './fixture.js'
import { aRequest, sealPayload, sealRequest } from './request-maker.js'

/** Either the stream was given up without a word, or there is exactly one completion, and it comes last. */
function answeredOrAborted(answer: TestRequest, requestId?: Uint8Array): void {
  if (answer.aborted !== undefined) {
    assert.equal(answer.packets.length, 0)
    return
  }
  const { completion } = answer
  if (requestId !== undefined) assert.deepEqual(completion.requestId, requestId)
  if (completion.error === undefined) return
  assert.equal(completion.error.code >= 1 && completion.error.code <= 12, true)
  assert.equal(completion.cursor, undefined)
}

const changes = fc.array(fc.tuple(fc.nat(), fc.integer({ min: 0, max: 255 })), { minLength: 1, maxLength: 4 })

function changed(bytes: Uint8Array, at: Array<[number, number]>): Uint8Array {
  const copy = bytes.slice()
  for (const [offset, value] of at) copy[offset % copy.length] = value
  return copy
}

test('a packet of noise is answered or costs its stream, and the service goes on', async t => {
  const { server, archive } = await aMailserver(t, { policies: { libp2p: { pow: 0 } } })
  await archive.append([newEnvelope()])
  const peer = await aPeer()
  const whole = sealRequest().raw
  await fc.assert(
    fc.asyncProperty(
      fc.oneof(
        fc.uint8Array({ maxLength: 300 }),
        changes.map(at => changed(whole, at))
      ),
      async body => {
        answeredOrAborted(await ask(server, body, { peer }))
      }
    ),
    { numRuns: 500 }
  )
  assert.equal((await ask(server, sealRequest(), { peer })).envelopes.length, 1)
})

test('a sealed payload of noise is answered with one completion', async t => {
  const { server, archive } = await aMailserver(t, { policies: { libp2p: { pow: 0 } } })
  await archive.append(Array.from({ length: 5 }, () => newEnvelope()))
  const peer = await aPeer()
  const payloads = (['spec5', 'spec6t', 'sg6', 'sg7'] as const).map(dialect =>
    encodeHistoryRequest(aRequest({ limit: 3, cursor: new Uint8Array(36), batch: true }), dialect)
  )
  const noise = fc.oneof(
    fc.uint8Array({ maxLength: 200 }),
    fc.tuple(fc.constantFrom(...payloads), changes).map(([payload, at]) => changed(payload, at))
  )
  await fc.assert(
    fc.asyncProperty(noise, async payload => {
      const request = sealPayload(payload, { pow: 0 })
      const answer = await ask(server, request, { peer })
      assert.equal(answer.aborted, undefined)
      answeredOrAborted(answer, request.hash)
    }),
    { numRuns: 500 }
  )
})
