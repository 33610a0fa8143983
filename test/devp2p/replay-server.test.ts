import assert from 'node:assert/strict'
import { type TestContext, test } from 'node:test'
import { toHex } from '../../src/wire/bytes.js'
import { decodeEnvelope } from '../../src/wire/envelope/envelope.js'
import { decodeMessageResponse } from '../../src/wire/packet/confirmation.js'
import { splitMessages } from '../../src/wire/packet/messages.js'
import { PacketCode } from '../../src/wire/packet/packet-code.js'
import { decodeAnyComplete } from '../../src/wire/request/string-complete.js'
import { legacyNode } from './legacy-node.js'
import { PacketPeer, STATUS } from './packet-peer.js'
import {
  deployedRecordings,
  envelopesIn,
  interopRecordings,
  REQUEST_KEY,
  type RecordedRequest,
  type Recording,
  requestsOf,
  statusOf
} from './recordings.js'

/** Where this node means to answer otherwise than the recorded one. */
const OTHERWISE: Record<string, string> = {
  waku1_err_ratelimit: 'the next page is never refused for its rate',
  waku1_err_raw72_payload: 'raw requests are read on every capability',
  shh6_err_raw_24h: 'a raw request may ask for more than a day',
  shh6_geth_post: 'go-ethereum 1.8.27 computes proof of work in another way',
  shh6_geth_raw72_unsigned: 'unsigned requests are served',
  cross_statusclient_gethserver_enc: 'go-ethereum does not read that form',
  cross_statusclient_gethserver_plain: 'go-ethereum does not read that form'
}

/** A node that stands where the recorded server stood. */
async function inPlaceOf(t: TestContext, recording: Recording) {
  const { capability, key, packets } = recording
  const status = STATUS[capability].decodeStatus(statusOf(recording, 'server'))
  const clock = serverClock(recording)
  const now = clock === undefined ? {} : { now: () => clock }
  const wrong = recording.name.includes('wrong_password')
  const node = await legacyNode(t, {
    requestKey: wrong ? new Uint8Array(32).fill(8) : key,
    waku: { pow: status.pow, confirmations: true, ...now },
    mailserver: { requestPrivateKey: REQUEST_KEY, ...now, ...(/cross|geth/.test(recording.name) ? free : {}) },
    devp2p: { capabilities: [capability], plainRequests: true }
  })
  await node.archive.append(recording.archive)
  const peer = await PacketPeer.dial(t, node, capability)
  await peer.send(PacketCode.Status, statusOf(recording, 'client'))
  await peer.next(PacketCode.Status)
  return { node, peer, packets }
}

/** What go-ethereum 1.8.27 takes for proof of work is none to others, so nobody asks it of the other. */
const free = { policies: { devp2p: { pow: 0 } } }

/** A time at which the server can have answered as it did: what it passed on or took was not ahead of time. */
function serverClock({ packets }: Recording): number | undefined {
  const response = packets.find(({ from, code }) => from === 'server' && code === PacketCode.MessageResponse)
  const refused = response === undefined ? [] : refusedBy(response.body)
  const taken = packets
    .filter(({ code }) => code === PacketCode.Messages)
    .flatMap(({ body }) => splitMessages(body).map(({ raw }) => decodeEnvelope(raw)))
    .filter(({ hashHex }) => !refused.includes(hashHex))
  return taken.length === 0 ? undefined : Math.max(...taken.map(({ sent }) => sent))
}

function refusedBy(response: Uint8Array): string[] {
  return decodeMessageResponse(response)
    .refused.map(({ hash }) => toHex(hash))
    .sort()
}

/** Sends a recorded request and holds our answer against the recorded one. */
async function replay(peer: PacketPeer, { body, deliveries, completion }: RecordedRequest): Promise<number> {
  await peer.send(PacketCode.Request, body)
  const got: Uint8Array[] = []
  for (;;) {
    const packet = await peer.find(PacketCode.P2PMessage, PacketCode.RequestComplete)
    if (packet.code === PacketCode.P2PMessage) got.push(packet.body)
    if (packet.code !== PacketCode.RequestComplete) continue
    const envelopes = (bodies: Uint8Array[]): string[] => bodies.flatMap(envelopesIn).map(({ raw }) => toHex(raw))
    assert.deepEqual(envelopes(got), envelopes(deliveries))
    const single = (bodies: Uint8Array[]): boolean[] =>
      bodies.map(delivery => envelopesIn(delivery)[0]?.size === delivery.length)
    // deployed servers let the last envelope travel alone; where all do, ours do too
    if (single(deliveries).every(Boolean)) assert.ok(single(got).every(Boolean))
    if (completion !== undefined) assert.equal(toHex(packet.body), toHex(completion))
    else assert.equal(decodeAnyComplete(packet.body).error, undefined)
    return got.length
  }
}

test('asked what deployed clients asked, this node answers with the bytes of the deployed servers [D-01] [D-03] [BR-06] [MAIL-25]', async t => {
  const seen = new Set<string>()
  for (const recording of await deployedRecordings(t)) {
    const requests = requestsOf(recording)
    if (requests.length === 0 || OTHERWISE[recording.name] !== undefined) continue
    const { peer, packets } = await inPlaceOf(t, recording)
    const posted = packets.find(({ from, code }) => from === 'client' && code === PacketCode.Messages)
    if (posted !== undefined) {
      await peer.send(posted.code, posted.body)
      await peer.find(PacketCode.BatchAck)
    }
    try {
      for (const request of requests) await replay(peer, request)
    } catch (error) {
      throw new Error(recording.name, { cause: error })
    }
    seen.add(recording.capability)
    peer.connection.abort(new Error('done'))
  }
  if (process.env.VECTORS_DIR !== undefined) assert.deepEqual([...seen].sort(), ['shh/6', 'waku/0', 'waku/1'])
})

test('posted what deployed clients posted, this node confirms it with their bytes and refuses the same envelopes [USE-04] [SHH-02]', async t => {
  let compared = 0
  for (const recording of await deployedRecordings(t)) {
    if (!/_direct_|post_and_history/.test(recording.name)) continue
    const { peer, packets } = await inPlaceOf(t, recording)
    const posted = packets.find(({ from, code }) => from === 'client' && code === PacketCode.Messages)
    const response = packets.find(({ from, code }) => from === 'server' && code === PacketCode.MessageResponse)
    const ack = packets.find(({ from, code }) => from === 'server' && code === PacketCode.BatchAck)
    assert.ok(posted && response && ack, recording.name)
    await peer.send(posted.code, posted.body)
    const ours = (await peer.find(PacketCode.MessageResponse)).body
    assert.equal(toHex((await peer.find(PacketCode.BatchAck)).body), toHex(ack.body), recording.name)
    // deployed servers say nothing of what expired a moment ago; this node names whatever it does not keep
    const clock = serverClock(recording) as number
    const expired = splitMessages(posted.body)
      .map(({ raw }) => decodeEnvelope(raw))
      .filter(({ expiry }) => expiry < clock)
    const expected = new Set([...refusedBy(response.body), ...expired.map(({ hashHex }) => hashHex)])
    assert.deepEqual(refusedBy(ours), [...expected].sort(), recording.name)
    if (expected.size === 0) assert.equal(toHex(ours), toHex(response.body), recording.name)
    compared++
    peer.connection.abort(new Error('done'))
  }
  if (process.env.VECTORS_DIR !== undefined) assert.equal(compared, 14)
})

test('asked what Go peers asked, this node answers as it did then [D-01] [BR-06]', async t => {
  for (const recording of interopRecordings().filter(({ name }) => name.includes('-client-'))) {
    const { peer } = await inPlaceOf(t, recording)
    const requests = requestsOf(recording)
    assert.ok(requests.length > 0)
    for (const request of requests) await replay(peer, request)
  }
})
