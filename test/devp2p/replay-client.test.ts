import assert from 'node:assert/strict'
import { type TestContext, test } from 'node:test'
import { secp256k1 } from '@noble/curves/secp256k1.js'
import { fromHex, toHex } from '../../src/wire/bytes.js'
import { decodeEnvelope, type Envelope } from '../../src/wire/envelope/envelope.js'
import { PacketCode } from '../../src/wire/packet/packet-code.js'
import { decodePayload } from '../../src/wire/payload/payload.js'
import { openData } from '../../src/wire/payload/sealed-data.js'
import { DIALECTS } from '../../src/wire/request/dialect.js'
import type { Dialect, HistoryRequest } from '../../src/wire/request/history-request.js'
import { legacyMail } from '../../src/wire/request/legacy-mail.js'
import { decodeAnyComplete } from '../../src/wire/request/string-complete.js'
import { hashesOf } from '../interop/history.js'
import { legacyNode } from './legacy-node.js'
import { PacketPeer } from './packet-peer.js'
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

/** What this node does not ask, or not so. */
const OTHERWISE: Record<string, string> = {
  waku1_err_from_gt_to: 'refused by the client itself',
  waku1_err_ratelimit: 'asked again until the server serves',
  waku1_err_raw72_payload: 'not asked of a waku server',
  cross_statusclient_gethserver_enc: 'not asked of go-ethereum',
  cross_statusclient_gethserver_plain: 'not asked of go-ethereum'
}

interface Asked {
  /** Names the request in its completion. */
  id: Uint8Array
  dialect: Dialect
  request: HistoryRequest
  sealedTo: 'key' | 'public key' | 'nobody'
}

function read({ capability, key }: Recording, body: Uint8Array): Asked {
  const codec = legacyMail({ capability, plain: true })
  const plain = codec.decodePlain?.(body)
  if (plain !== undefined) {
    return { id: plain.requestId, dialect: plain.dialect, request: plain.read(), sealedTo: 'nobody' }
  }
  const envelope = decodeEnvelope(body)
  const bySymmetric = openData(envelope.data, { symmetric: [key] })
  const opened = bySymmetric ?? openData(envelope.data, { asymmetric: [REQUEST_KEY] })
  assert.ok(opened !== undefined)
  const sealedTo = bySymmetric === undefined ? 'public key' : 'key'
  return { id: envelope.hash, sealedTo, ...codec.decodePayload(decodePayload(opened).payload) }
}

/** Plays the server of a recording to our client, and what came of it. */
async function replay(t: TestContext, recording: Recording): Promise<{ got: Envelope[]; error: Error | undefined }> {
  const { capability, key } = recording
  const { enode, peer } = await PacketPeer.listen(t, capability)
  const node = await legacyNode(t, {
    requestKey: key,
    mailclient: { quietTime: 300, firstTimeout: 1000 },
    devp2p: { capabilities: [capability] }
  })
  const name = node.devp2p.addAddress(enode)
  await node.trust.add(name)
  const requests = requestsOf(recording)
  const [first] = requests
  assert.ok(first !== undefined)
  const { dialect, request, sealedTo } = read(recording, first.body)
  const serving = serve(
    await Promise.all([peer, node.waku.connect(name), shake(peer, recording)]).then(([p]) => p),
    recording,
    requests
  )
  const got: Envelope[] = []
  let error: Error | undefined
  try {
    for await (const page of node.client.history({
      server: name,
      network: 'devp2p',
      from: request.lower,
      to: request.upper === 0 ? undefined : request.upper,
      dialect,
      ...(request.topics === undefined ? { bloom: request.bloom } : { topics: request.topics }),
      pageSize: request.limit === 0 ? 1000 : request.limit,
      ...(sealedTo === 'key' ? { requestKey: key } : {}),
      ...(sealedTo === 'public key' ? { requestPublicKey: secp256k1.getPublicKey(REQUEST_KEY) } : {})
    })) {
      got.push(...page.envelopes)
    }
  } catch (caught) {
    error = caught as Error
  }
  await serving
  await node.stop()
  return { got, error }
}

async function shake(peer: Promise<PacketPeer>, recording: Recording): Promise<void> {
  const server = await peer
  await server.send(PacketCode.Status, statusOf(recording, 'server'))
  await server.next(PacketCode.Status)
}

/** Answers each request with the recorded packets; only the id in the completion is that of the new request. */
async function serve(peer: PacketPeer, recording: Recording, requests: RecordedRequest[]): Promise<void> {
  for (const recorded of requests) {
    const asked = await peer.find(PacketCode.Request).catch(() => undefined)
    if (asked === undefined) return
    const ours = read(recording, asked.body)
    const theirs = read(recording, recorded.body)
    assertSame(ours, theirs)
    for (const body of recorded.deliveries) await peer.send(PacketCode.P2PMessage, body)
    if (recorded.completion === undefined) continue
    const body = fromHex(toHex(recorded.completion).replace(toHex(theirs.id), toHex(ours.id)))
    await peer.send(PacketCode.RequestComplete, body)
    // a form without a place for a cursor cannot be continued
    const more = decodeAnyComplete(recorded.completion).cursor !== undefined
    if (more && !DIALECTS[ours.dialect].cursor) return
  }
}

/** Our request says what the recorded one said; topics go with their bloom filter here. */
function assertSame(ours: Asked, theirs: Asked): void {
  const essence = ({ dialect, request: { batch: _, bloom, topics, upper, ...rest } }: Asked) => ({
    dialect,
    topics,
    bloom: topics === undefined && bloom !== undefined ? bloom : undefined,
    // an open end is written out
    upper: theirs.request.upper === 0 ? 0 : upper,
    ...rest
  })
  if (theirs.request.bloom === undefined && theirs.request.topics === undefined) return
  assert.deepEqual(essence(ours), essence(theirs))
}

const unique = (hashes: string[]): string[] => [...new Set(hashes)]

test('answered as deployed servers answered, the client asks what theirs asked and delivers what they sent, once [MAIL-25] [D-03]', async t => {
  let envelopes = 0
  for (const recording of await deployedRecordings(t)) {
    const requests = requestsOf(recording)
    if (requests.length === 0 || OTHERWISE[recording.name] !== undefined) continue
    const { got, error } = await replay(t, recording).catch(cause => {
      throw new Error(recording.name, { cause })
    })
    const sent = unique(hashesOf(requests.flatMap(({ deliveries }) => deliveries.flatMap(envelopesIn))))
    assert.deepEqual(hashesOf(got), sent, recording.name)
    envelopes += got.length
    const refused = requests.map(({ completion }) => completion && decodeAnyComplete(completion).error).find(Boolean)
    if (refused)
      assert.deepEqual([error?.name, (error as { code?: number }).code], ['RequestError', refused.code], recording.name)
    else if (sent.length === 0) assert.equal(error?.name, 'SilentServerError', recording.name)
    else if (recording.name === 'shh6_raw76') assert.equal(error?.name, 'CannotContinueError')
    else assert.equal(error, undefined, `${recording.name}: ${error?.stack}`)
  }
  if (process.env.VECTORS_DIR !== undefined) assert.ok(envelopes > 250)
})

test('answered as Go peers answered, the client delivers what they sent, whichever way they go [MAIL-25]', async t => {
  for (const recording of interopRecordings().filter(({ name }) => name.includes('-server-'))) {
    const { got, error } = await replay(t, recording)
    assert.equal(error, undefined, `${recording.name}: ${error?.stack}`)
    const topics = new Set(
      requestsOf(recording).flatMap(({ body }) => read(recording, body).request.topics?.map(toHex))
    )
    const sent = requestsOf(recording).flatMap(({ deliveries }) => deliveries.flatMap(envelopesIn))
    const wanted = sent.filter(({ topic }) => topics.size === 0 || topics.has(undefined) || topics.has(toHex(topic)))
    assert.ok(wanted.length > 0)
    assert.deepEqual(hashesOf(got), unique(hashesOf(wanted)), recording.name)
  }
})
