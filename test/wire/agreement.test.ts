import assert from 'node:assert/strict'
import { type TestContext, test } from 'node:test'
import { fromHex, toHex } from '../../src/wire/bytes.js'
import { bloomMatches, isFullBloom, lossyTopicBloom, topicBloom } from '../../src/wire/envelope/bloom.js'
import { decodeEnvelope, type Envelope, encodeEnvelope } from '../../src/wire/envelope/envelope.js'
import { keyFromPassword } from '../../src/wire/envelope/key.js'
import { acceptablePow, mineRange, powOf } from '../../src/wire/envelope/pow.js'
import { leadingZeroBits } from '../../src/wire/keccak.js'
import {
  decodeBatchAck,
  decodeMessageResponse,
  encodeBatchAck,
  encodeMessageResponse
} from '../../src/wire/packet/confirmation.js'
import { batchHash, encodeMessages, splitMessages } from '../../src/wire/packet/messages.js'
import { decodeStatusOptions, encodeStatusOptions } from '../../src/wire/packet/status.js'
import { decodePayload, encodePayload } from '../../src/wire/payload/payload.js'
import { openSymmetric, sealSymmetric } from '../../src/wire/payload/symmetric.js'
import { encodeCursor } from '../../src/wire/request/cursor.js'
import { decodeHistoryRequest, encodeHistoryRequest } from '../../src/wire/request/history-request.js'
import { splitP2PMessage } from '../../src/wire/request/p2p-message.js'
import { RequestError } from '../../src/wire/request/request-error.js'
import { recordedVectors } from './legacy-vectors.js'
import type * as Recorded from './recorded-vectors.js'

const raws = (items: { raw: Uint8Array }[]): string[] => items.map(item => toHex(item.raw))

/** Runs the cases of one recorded file and says how many there were; none at all is a failure. */
function agreement<T>(file: string, run: (vectors: T, count: (cases?: number) => void) => void | Promise<void>): void {
  test(`agrees with ${file} recorded from deployed programs`, async (context: TestContext) => {
    const vectors = recordedVectors<T>(context, file)
    if (vectors === undefined) return
    let cases = 0
    await run(vectors, (more = 1) => {
      cases += more
    })
    assert.ok(cases > 0)
    context.diagnostic(`${file}: ${cases} cases`)
  })
}

function sameEnvelope(envelope: Envelope, vector: Recorded.EnvelopeVector): void {
  const { expiry, ttl, topic, data, nonce } = vector
  const again = encodeEnvelope({ expiry, ttl, topic: fromHex(topic), data: fromHex(data), nonce: BigInt(nonce) })
  assert.equal(toHex(again.raw), vector.rlp)
  assert.deepEqual([envelope.expiry, envelope.ttl, envelope.sent], [expiry, ttl, vector.sent])
  assert.deepEqual([toHex(envelope.topic), toHex(envelope.data), String(envelope.nonce)], [topic, data, nonce])
  assert.equal(envelope.hashHex, vector.hash)
  assert.equal(toHex(encodeCursor(envelope.sent, envelope.hash)), vector.cursor)
  assert.equal(toHex(envelope.shortRlp()), vector.rlpWithoutNonce)
  assert.equal(toHex(envelope.powHash), vector.powHash)
  const view = new DataView(new ArrayBuffer(8))
  view.setFloat64(0, powOf(envelope))
  assert.equal(view.getBigUint64(0).toString(16), vector.powFloat64Bits)
  assert.equal(toHex(lossyTopicBloom(envelope.topic)), vector.bloom)
}

agreement<Recorded.EnvelopeFile>('envelope.json', ({ envelopes, sealed }, count) => {
  for (const vector of [...envelopes, ...sealed]) {
    sameEnvelope(decodeEnvelope(fromHex(vector.rlp)), vector)
    count()
  }
  for (const vector of sealed) {
    const envelope = decodeEnvelope(fromHex(vector.rlp))
    // they search bits for another size than they measure with
    const bits = leadingZeroBits(envelope.powHash)
    const first = mineRange(envelope.shortRlp(), bits, 0n, Number(vector.nonce) + 1)
    assert.ok(first !== undefined && first <= envelope.nonce)
    assert.equal(acceptablePow(envelope, vector.targetPow ?? 0), true)
  }
})

agreement<Recorded.BloomFile>('bloom.json', ({ topics, match }, count) => {
  for (const { topic, bloom, bloomOrSemantics } of topics) {
    assert.equal(toHex(lossyTopicBloom(fromHex(topic))), bloom)
    assert.equal(toHex(topicBloom(fromHex(topic))), bloomOrSemantics)
    count()
  }
  for (const vector of match) {
    const filter = fromHex(vector.filter)
    assert.equal(bloomMatches(filter, fromHex(vector.sample)), vector.match, vector.name)
    assert.equal(filter.length === 0 || isFullBloom(filter), vector.filterIsFullNode, vector.name)
    count()
  }
})

agreement<Recorded.KeyFile>('kdf.json', async ({ vectors }, count) => {
  for (const { password, key } of vectors) {
    assert.equal(toHex(await keyFromPassword(password)), key)
    count()
  }
})

agreement<Recorded.PayloadFile>('payload_sym.json', ({ symKey, vectors }, count) => {
  const key = fromHex(symKey)
  for (const vector of vectors) {
    const envelope = decodeEnvelope(fromHex(vector.envelopeRlp))
    assert.equal(toHex(envelope.data), vector.data)
    const plain = openSymmetric(envelope.data, key)
    assert.ok(plain !== undefined)
    assert.equal(toHex(plain), vector.plaintext)
    assert.equal(toHex(sealSymmetric(plain, key, { iv: fromHex(vector.salt) })), vector.data)
    const opened = decodePayload(plain)
    assert.equal(toHex(opened.payload), vector.openedPayload)
    assert.equal(toHex(opened.padding), vector.padding)
    assert.equal(opened.signer && toHex(opened.signer), vector.srcPub)
    const unsigned = vector.signed ? plain.subarray(0, -65) : plain
    const again = encodePayload({ payload: opened.payload, padding: opened.padding })
    assert.equal(toHex(again.subarray(1)), toHex(unsigned.subarray(1)))
    assert.equal(encodePayload({ payload: opened.payload }).length % 256, 0)
    count()
  }
})

agreement<Recorded.StatusFile>('status.json', (vectors, count) => {
  const emitted = vectors.emittedByRealNodes.filter(({ proto }) => proto === 'waku/1')
  for (const { payload } of [...vectors.waku1, ...vectors.waku1StatusUpdate, ...emitted]) {
    assert.equal(toHex(encodeStatusOptions(decodeStatusOptions(fromHex(payload)))), payload)
    count()
  }
  for (const { payload, ok, name } of vectors.waku1DecodeLeniency) {
    const read = (): unknown => decodeStatusOptions(fromHex(payload))
    // unknown keys are ignored wherever they stand, and so are further items of a pair; a wrong bloom is refused at once
    const liberal = /^unknown key|^3-element/.test(name)
    const strict = name.startsWith('bloom 63')
    if ((ok && !strict) || liberal) assert.doesNotThrow(read, name)
    else assert.throws(read, { name: 'MalformedError' }, name)
    count()
  }
})

agreement<Recorded.MessagesFile>('messages.json', ({ messages, batchAck, messageResponse }, count) => {
  for (const { payload, envelopes, batchHash: hash } of messages) {
    const body = fromHex(payload)
    assert.deepEqual(raws(splitMessages(body)), envelopes)
    assert.equal(toHex(encodeMessages(envelopes.map(fromHex))), payload)
    assert.equal(toHex(batchHash(body)), hash)
    count()
  }
  for (const { payload, batchHash: hash } of batchAck) {
    assert.equal(toHex(decodeBatchAck(fromHex(payload))), hash)
    assert.equal(toHex(encodeBatchAck(fromHex(hash))), payload)
    count()
  }
  for (const { payload, batchHash: batch, errors } of messageResponse) {
    const response = decodeMessageResponse(fromHex(payload))
    assert.equal(toHex(response.batch), batch)
    const refused = response.refused.map(({ hash, code, text }) => [`0x${toHex(hash)}`, code, text])
    assert.deepEqual(
      refused,
      errors.map(({ Hash, Code, Description }) => [Hash, Code, Description])
    )
    assert.equal(toHex(encodeMessageResponse(response)), payload)
    count()
  }
})

agreement<Recorded.P2PMessageFile>('p2p_message.json', (vectors, count) => {
  const { envelopes, batch, batchOfOne } = vectors
  const one = envelopes.slice(0, 1)
  assert.deepEqual(raws(splitP2PMessage(fromHex(batch))), envelopes)
  assert.deepEqual(raws(splitP2PMessage(fromHex(batchOfOne))), one)
  assert.deepEqual(raws(splitP2PMessage(fromHex(vectors['single(geth v1.8.27 / EIP-627)']))), one)
  assert.equal(toHex(encodeMessages(envelopes.map(fromHex))), batch)
  assert.equal(toHex(encodeMessages(one.map(fromHex))), batchOfOne)
  count(3)
})

agreement<Recorded.RequestFile>('p2p_request.json', async (vectors, count) => {
  const key = fromHex(vectors.symKey)
  assert.equal(toHex(await keyFromPassword(vectors.password)), vectors.symKey)
  for (const { fields, payloadRlp, symEnvelopePacket, requestID } of vectors.encrypted) {
    const envelope = decodeEnvelope(fromHex(symEnvelopePacket))
    assert.equal(envelope.hashHex, requestID)
    const plain = openSymmetric(envelope.data, key)
    assert.ok(plain !== undefined)
    const { payload } = decodePayload(plain)
    assert.equal(toHex(payload), payloadRlp)
    for (const network of ['libp2p', 'devp2p'] as const) {
      const { dialect, request } = decodeHistoryRequest(payload, { network })
      assert.equal(dialect, 'sg7')
      assert.deepEqual([request.lower, request.upper, request.limit], [fields.Lower, fields.Upper, fields.Limit])
      assert.equal(toHex(request.bloom ?? new Uint8Array(0)), fields.Bloom)
      assert.equal(toHex(request.cursor ?? new Uint8Array(0)), fields.Cursor)
      assert.deepEqual((request.topics ?? []).map(toHex), fields.Topics)
      assert.equal(request.batch, fields.Batch)
      assert.equal(toHex(encodeHistoryRequest(request, 'sg7')), payloadRlp)
    }
    count()
  }
  // their server knows one form; ours tells all of them apart, and takes no topic that is not 4 bytes
  const ours: Record<string, string> = {
    'spec form [Lower,Upper,Bloom,Limit,Cursor]': 'spec5',
    'spec form [Lower,Upper,Bloom,Limit,Cursor,Topics]': 'spec6t',
    'pre-0.42 6-field [Lower,Upper,Bloom,Limit,Cursor,Batch]': 'sg6',
    '7-field without Batch (6 items)': 'sg7',
    '7 fields': 'sg7',
    '8 fields': 'sg7'
  }
  for (const { name, payload } of vectors.payloadDecodeStrictness) {
    const read = (): string => decodeHistoryRequest(fromHex(payload), { network: 'devp2p' }).dialect
    if (name === 'topic of 3 bytes') assert.throws(read, RequestError)
    else assert.equal(read(), ours[name], name)
    count()
  }
})

agreement<Recorded.Shh6File>('shh6.json', async (vectors, count) => {
  const { kdf, messages, batchAck, messageResponse, p2pMessage } = vectors
  assert.equal(toHex(await keyFromPassword(kdf.password)), kdf.key)
  const items = splitMessages(fromHex(messages.payload))
  assert.deepEqual(
    items.map(item => decodeEnvelope(item.raw).hashHex),
    [messages.e1hash, messages.e2hash]
  )
  assert.equal(toHex(batchHash(fromHex(messages.payload))), messages.batchHash)
  assert.equal(toHex(decodeBatchAck(fromHex(batchAck.payload))), messages.batchHash)
  assert.equal(
    toHex(encodeMessageResponse(decodeMessageResponse(fromHex(messageResponse.payload)))),
    messageResponse.payload
  )
  assert.deepEqual(raws(splitP2PMessage(fromHex(p2pMessage.batch))), raws(items))
  assert.deepEqual(raws(splitP2PMessage(fromHex(p2pMessage.single))), raws(items).slice(0, 1))
  count(6)
})

agreement<Recorded.GethFile>('geth_v1.8.27.json', ({ envelopes }, count) => {
  for (const { rlp, hash, dbKey, data, topic, nonce, ttl, expiry } of envelopes) {
    const envelope = decodeEnvelope(fromHex(rlp))
    assert.equal(envelope.hashHex, hash)
    assert.equal(toHex(encodeCursor(envelope.sent, envelope.hash)), dbKey)
    const fields = { expiry, ttl, topic: fromHex(topic), data: fromHex(data), nonce: BigInt(nonce) }
    assert.equal(toHex(encodeEnvelope(fields).raw), rlp)
    count()
  }
})
