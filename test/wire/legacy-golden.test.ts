import assert from 'node:assert/strict'
import { test } from 'node:test'
import { fromHex, joinBytes, toHex } from '../../src/wire/bytes.js'
import { decodeEnvelope } from '../../src/wire/envelope/envelope.js'
import {
  decodeBatchAck,
  decodeMessageResponse,
  encodeBatchAck,
  encodeMessageResponse
} from '../../src/wire/packet/confirmation.js'
import { isShortShh6, shh6Status, waku0Status } from '../../src/wire/packet/legacy-status.js'
import { batchHash, encodeMessages, splitMessages } from '../../src/wire/packet/messages.js'
import { waku1Status } from '../../src/wire/packet/status-codec.js'
import { decodePayload } from '../../src/wire/payload/payload.js'
import { openData } from '../../src/wire/payload/sealed-data.js'
import { encodeHistoryRequest } from '../../src/wire/request/history-request.js'
import { legacyMail } from '../../src/wire/request/legacy-mail.js'
import { encodeP2PBodies } from '../../src/wire/request/p2p-body.js'
import { splitP2PMessage } from '../../src/wire/request/p2p-message.js'
import { encodePlainRequest } from '../../src/wire/request/plain-request.js'
import { recordedVectors } from './legacy-vectors.js'

interface Named {
  name?: string
  payload: string
}

interface RequestFields {
  ID?: string
  Lower?: number
  Upper?: number
  From?: number
  To?: number
  Bloom: string
  Topics?: string[]
  Limit: number
  Cursor: string
  Batch?: boolean
}

/** Hex fields as our request has them: what is empty is absent. */
const joined = (body: Uint8Array[]): string => toHex(joinBytes(body))

function expectedRequest(fields: RequestFields): object {
  const request: Record<string, unknown> = {
    lower: fields.Lower ?? fields.From,
    upper: fields.Upper ?? fields.To,
    limit: fields.Limit
  }
  if (fields.Bloom !== '') request.bloom = fromHex(fields.Bloom)
  if (fields.Cursor !== '') request.cursor = fromHex(fields.Cursor)
  if (fields.Topics !== undefined && fields.Topics.length > 0) request.topics = fields.Topics.map(fromHex)
  if (fields.Batch !== undefined) request.batch = fields.Batch
  return request
}

test('Status and its updates of waku/1 and waku/0 as recorded', context => {
  const file = recordedVectors<{
    waku0: (Named & { statusUpdatePayload: string })[]
    waku1: Named[]
    waku1StatusUpdate: (Named & { code: number })[]
    emittedByRealNodes: (Named & { proto: string })[]
  }>(context, 'status.json')
  if (file === undefined) return
  for (const { name, payload, statusUpdatePayload } of file.waku0) {
    const options = waku0Status.decodeStatus(fromHex(payload))
    assert.equal(toHex(waku0Status.encodeStatus(options)), payload, name)
    assert.deepEqual(waku0Status.decodeUpdate(22, fromHex(statusUpdatePayload)), options, name)
    assert.equal(toHex(waku0Status.encodeUpdate(options).at(-1)?.body as Uint8Array), statusUpdatePayload, name)
  }
  for (const { name, payload } of file.waku1) {
    assert.equal(toHex(waku1Status.encodeStatus(waku1Status.decodeStatus(fromHex(payload)))), payload, name)
  }
  for (const { name, code, payload } of file.waku1StatusUpdate) {
    const options = waku1Status.decodeUpdate(code, fromHex(payload))
    assert.deepEqual(waku1Status.encodeUpdate(options ?? {}), [{ code, body: fromHex(payload) }], name)
  }
  for (const { proto, payload } of file.emittedByRealNodes) {
    const codec = proto === 'waku/0' ? waku0Status : waku1Status
    assert.equal(toHex(codec.encodeStatus(codec.decodeStatus(fromHex(payload)))), payload)
  }
  assert.ok(file.waku0.length >= 8 && file.waku1.length >= 13 && file.emittedByRealNodes.length >= 8)
})

test('Status and its updates of shh/6 as recorded from both families [SHH-03 SHH-06 SHH-07]', context => {
  const file = recordedVectors<{
    status: Named[]
    powRequirement: Named & { pow: number }
    bloomFilter: Named & { bloom: string }
    rateLimits: Named & { limits: number[] }
  }>(context, 'shh6.json')
  const geth = recordedVectors<{ status: (Named & { light: boolean })[] }>(context, 'geth_v1.8.27.json')
  if (file === undefined || geth === undefined) return
  for (const { payload } of file.status) {
    assert.equal(toHex(shh6Status.encodeStatus(shh6Status.decodeStatus(fromHex(payload)))), payload)
    assert.equal(isShortShh6(fromHex(payload)), false)
  }
  for (const { payload, light } of geth.status) {
    assert.equal(shh6Status.decodeStatus(fromHex(payload)).light, light)
    assert.equal(shh6Status.decodeStatus(fromHex(payload)).pow, 0.002)
    assert.equal(isShortShh6(fromHex(payload)), true)
  }
  const { pow } = file.powRequirement
  const bloom = fromHex(file.bloomFilter.bloom)
  const [ip = -1, peer = -1, topic = -1] = file.rateLimits.limits
  const packets = [file.powRequirement.payload, file.bloomFilter.payload, file.rateLimits.payload]
  const written = shh6Status.encodeUpdate({ pow, bloom, packetLimits: { ip, peer, topic } })
  assert.deepEqual(
    written.map(({ body }) => toHex(body)),
    packets
  )
  assert.deepEqual(
    written.map(({ code, body }) => shh6Status.decodeUpdate(code, body)),
    [{ pow }, { bloom }, { packetLimits: { ip, peer, topic } }]
  )
})

test('requests as recorded, sealed for a password and for a key, open and without RLP [D-01 PAY-10]', context => {
  const file = recordedVectors<{
    symKey: string
    asymPriv: string
    encrypted: {
      name: string
      fields: RequestFields
      payloadRlp: string
      requestID: string
      symEnvelopePacket: string
      asymEnvelopePacket: string
    }[]
    plain: { name: string; fields: RequestFields; packet: string }[]
    rawPayloads: Named[]
  }>(context, 'p2p_request.json')
  if (file === undefined) return
  const codec = legacyMail({ capability: 'waku/1', plain: true })
  const keys = { symmetric: [new Uint8Array(32).fill(7), fromHex(file.symKey)], asymmetric: [fromHex(file.asymPriv)] }
  for (const { name, fields, payloadRlp, requestID, symEnvelopePacket, asymEnvelopePacket } of file.encrypted) {
    assert.equal(decodeEnvelope(fromHex(symEnvelopePacket)).hashHex, requestID)
    for (const packet of [symEnvelopePacket, asymEnvelopePacket]) {
      assert.equal(codec.decodePlain?.(fromHex(packet)), undefined)
      const opened = decodePayload(openData(decodeEnvelope(fromHex(packet)).data, keys) as Uint8Array)
      assert.equal(toHex(opened.payload), payloadRlp)
      assert.ok(opened.signer !== undefined)
      const { dialect, request } = codec.decodePayload(opened.payload)
      assert.equal(dialect, 'sg7')
      assert.deepEqual(request, expectedRequest(fields), name)
      assert.equal(toHex(encodeHistoryRequest(request, 'sg7')), payloadRlp, name)
    }
    assert.equal(openData(decodeEnvelope(fromHex(symEnvelopePacket)).data, { asymmetric: keys.asymmetric }), undefined)
  }
  for (const { name, fields, packet } of file.plain) {
    const plain = codec.decodePlain?.(fromHex(packet))
    assert.equal(plain?.dialect, 'plain7')
    assert.equal(toHex(plain.requestId), fields.ID)
    assert.deepEqual(plain.read(), expectedRequest(fields), name)
    assert.equal(toHex(encodePlainRequest(plain.read(), 'plain7', plain.requestId)), packet, name)
  }
  // 116 bytes are more than any form has: read without the cursor
  const dialects = file.rawPayloads.map(({ payload }) => codec.decodePayload(fromHex(payload)).dialect)
  assert.deepEqual(dialects, ['raw8', 'raw72', 'raw76', 'raw112', 'raw76'])
})

test('the request in the open and the requests without RLP of shh/6 as recorded [D-01]', async context => {
  const file = recordedVectors<{
    kdf: { key: string }
    plainRequest: Named
    rawRequests: { packet: string; rawPayload: string; requestID: string }[]
  }>(context, 'shh6.json')
  if (file === undefined) return
  const codec = legacyMail({ capability: 'shh/6', plain: true })
  const plain = codec.decodePlain?.(fromHex(file.plainRequest.payload))
  assert.equal(plain?.dialect, 'plain6')
  assert.equal(toHex(encodePlainRequest(plain.read(), 'plain6', plain.requestId)), file.plainRequest.payload)
  for (const { packet, rawPayload, requestID } of file.rawRequests) {
    const envelope = decodeEnvelope(fromHex(packet))
    assert.equal(envelope.hashHex, requestID)
    const { payload } = decodePayload(openData(envelope.data, { symmetric: [fromHex(file.kdf.key)] }) as Uint8Array)
    assert.equal(toHex(payload), rawPayload)
    const { dialect, request } = codec.decodePayload(payload)
    if (payload.length <= 112) assert.equal(toHex(codec.encodePayload(request, dialect)), rawPayload)
  }
})

test('completions as recorded, and what a deployed client makes of each [D-03]', context => {
  const file = recordedVectors<{
    vectors: {
      name: string
      packet: string
      parsed?: { requestID: string; last: string; cursor: string; error: string }
    }[]
  }>(context, 'p2p_request_complete.json')
  const shh = recordedVectors<{ requestComplete: { packet: string }[] }>(context, 'shh6.json')
  if (file === undefined || shh === undefined) return
  const codec = legacyMail({ capability: 'waku/1' })
  for (const { name, packet, parsed } of file.vectors) {
    // deployed clients drop a cursor of 35 bytes and take the history for finished; we do not
    if (parsed === undefined || name.startsWith('cursor 35')) {
      assert.throws(() => codec.decodeComplete(fromHex(packet)), { name: 'MalformedError' }, name)
      continue
    }
    const complete = codec.decodeComplete(fromHex(packet))
    assert.equal(toHex(complete.requestId), parsed.requestID, name)
    assert.equal(toHex(complete.lastHash), parsed.last, name)
    assert.equal(complete.cursor === undefined ? '' : toHex(complete.cursor), parsed.cursor, name)
    assert.equal(complete.error?.text ?? '<nil>', parsed.error, name)
    if (!name.startsWith('only')) assert.equal(toHex(codec.encodeComplete(complete)), packet, name)
  }
  for (const { packet } of shh.requestComplete) {
    assert.equal(toHex(codec.encodeComplete(codec.decodeComplete(fromHex(packet)))), packet)
  }
})

test('P2P Message bodies as recorded from each family [BR-06 D-01]', context => {
  const file = recordedVectors<Record<string, string> & { envelopes: string[] }>(context, 'p2p_message.json')
  const shh = recordedVectors<{ p2pMessage: { batch: string; single: string } }>(context, 'shh6.json')
  if (file === undefined || shh === undefined) return
  const raws = file.envelopes.map(fromHex)
  const [first] = raws as [Uint8Array]
  const bare = file['single(geth v1.8.27 / EIP-627)'] as string
  assert.deepEqual(encodeP2PBodies(raws, 'list').map(joined), [file.batch])
  assert.deepEqual(encodeP2PBodies([first], 'list').map(joined), [file.batchOfOne])
  assert.deepEqual(encodeP2PBodies([first], 'bare').map(joined), [bare])
  assert.deepEqual(encodeP2PBodies(raws, 'list-or-bare').map(joined), [shh.p2pMessage.batch])
  assert.deepEqual(encodeP2PBodies([first], 'list-or-bare').map(joined), [shh.p2pMessage.single])
  for (const [body, count] of [
    [file.batch, 2],
    [file.batchOfOne, 1],
    [bare, 1]
  ] as const) {
    const read = splitP2PMessage(fromHex(body as string)).map(item => toHex(decodeEnvelope(item.raw).raw))
    assert.deepEqual(read, file.envelopes.slice(0, count))
  }
})

test('messages and their confirmations as recorded, with the codes that deployed programs use', context => {
  const file = recordedVectors<{
    constants: Record<string, number>
    messages: { envelopes: string[]; payload: string; batchHash: string }[]
    batchAck: Named[]
    messageResponse: (Named & { errors: { Hash: string; Code: number; Description: string }[] })[]
  }>(context, 'messages.json')
  const shh = recordedVectors<{ messageResponse: Named; batchAck: Named; errorCodes: Record<string, number> }>(
    context,
    'shh6.json'
  )
  if (file === undefined || shh === undefined) return
  for (const { envelopes, payload, batchHash: hash } of file.messages) {
    assert.deepEqual(
      splitMessages(fromHex(payload)).map(item => toHex(item.raw)),
      envelopes
    )
    assert.equal(toHex(encodeMessages(envelopes.map(fromHex))), payload)
    assert.equal(toHex(batchHash(fromHex(payload))), hash)
  }
  for (const { payload } of [...file.batchAck, shh.batchAck]) {
    assert.equal(toHex(encodeBatchAck(decodeBatchAck(fromHex(payload)))), payload)
  }
  for (const { payload, errors } of file.messageResponse) {
    const { refused } = decodeMessageResponse(fromHex(payload))
    const found = refused.map(({ hash, code, text }) => ({ Hash: `0x${toHex(hash)}`, Code: code, Description: text }))
    assert.deepEqual(found, errors)
    assert.equal(toHex(encodeMessageResponse(decodeMessageResponse(fromHex(payload)))), payload)
  }
  const ofShh = decodeMessageResponse(fromHex(shh.messageResponse.payload))
  assert.equal(ofShh.refused[0]?.code, shh.errorCodes['shh EnvelopeTimeNotSynced'])
  assert.equal(toHex(encodeMessageResponse(ofShh)), shh.messageResponse.payload)
})
