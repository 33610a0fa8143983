import assert from 'node:assert/strict'
import { type TestContext, test } from 'node:test'
import type { Envelope } from '../../src/wire/envelope/envelope.js'
import { type DigestQuestion, encodeDigestQuestion } from '../../src/wire/request/digest.js'
import { ExtensionKey, type Extensions } from '../../src/wire/request/extension.js'
import type { HistoryRequest } from '../../src/wire/request/history-request.js'
import { RequestErrorCode as Code } from '../../src/wire/request/request-error.js'
import { encodeSequenceCursor } from '../../src/wire/request/sequence-cursor.js'
import { decodeItem, encodeList, encodeString, encodeUint, type RlpItem } from '../../src/wire/rlp.js'
import { sealRequest } from '../mailserver/request-maker.js'
import { expired, fetch, hashesOf, OLD, queryOf } from './asking.js'
import { clientNode, rawRequester, serverNode } from './mail-nodes.js'

// Questions beyond the time order that cannot be answered, as they arrive over TCP: each is refused in words, brings nothing, and what is
// asked next on the same stream is answered as ever.

const SALT = new Uint8Array(16).fill(3)
const BEGINNING = new Uint8Array(0)
const CURSOR = new Uint8Array(36)
CURSOR.set([OLD >>> 24, OLD >>> 16, OLD >>> 8, OLD])

type Extension = [number, RlpItem]
interface Question {
  fields?: Partial<HistoryRequest>
  extensions: Extension[]
}

const list = (...items: Uint8Array[]): RlpItem => decodeItem(encodeList(items))
const digest = (question: Partial<DigestQuestion> = {}): Extension => [
  ExtensionKey.coverage,
  decodeItem(encodeDigestQuestion({ salt: SALT, parts: 1, by: 'time', ...question }))
]
/** What our own encoder would not write. */
const rawDigest = (...items: Uint8Array[]): Extension => [ExtensionKey.coverage, list(...items)]
const after = (cursor: Uint8Array): Extension => [ExtensionKey.sequence, decodeItem(encodeString(cursor))]
const sealed = ({ fields, extensions }: Question): Envelope =>
  sealRequest({ ...fields, extensions: new Map(extensions) as Extensions })

function refused(
  title: string,
  question: (archiveId: Uint8Array) => Question,
  expected: { code: number; text: string }
): void {
  test(title, async t => {
    const server = await serverNode(t)
    const stored = expired(3)
    await server.archive.append(stored)
    const { requester } = await rawRequester(t, server)
    requester.request(sealed(question(server.archive.id)))
    const { envelopes, complete } = await requester.answer()
    assert.deepEqual(complete.error && { code: complete.error.code, text: complete.error.text }, expected)
    assert.deepEqual(
      [envelopes, complete.lastHash, complete.cursor, [...(complete.extensions?.keys() ?? [])]],
      [[], new Uint8Array(32), undefined, [ExtensionKey.error].filter(key => complete.extensions?.has(key))]
    )
    requester.request(sealed({ extensions: [after(BEGINNING)] }))
    assert.deepEqual(hashesOf((await requester.answer()).envelopes), hashesOf(stored))
  })
}

refused(
  'a digest of a thousand parts is refused',
  () => ({ extensions: [rawDigest(encodeString(SALT), encodeUint(1000))] }),
  { code: Code.malformed, text: 'a digest has at most 64 parts' }
)
refused(
  'a digest without salt is refused',
  () => ({ extensions: [rawDigest(encodeString(BEGINNING), encodeUint(1))] }),
  { code: Code.malformed, text: 'the salt of a digest is 16 to 64 bytes' }
)
refused('a digest that names parts alone is refused', () => ({ extensions: [rawDigest(encodeUint(1))] }), {
  code: Code.malformed,
  text: 'a digest needs a salt and parts'
})
refused(
  'a digest over a range that is upside down is refused',
  () => ({ fields: { lower: OLD + 2, upper: OLD }, extensions: [digest()] }),
  { code: Code.range, text: `lower ${OLD + 2} is above upper ${OLD}` }
)
refused(
  'a sequence cursor of another archive is refused',
  () => ({ extensions: [after(encodeSequenceCursor({ archiveId: new Uint8Array(8), seq: 1 }))] }),
  { code: Code.cursor, text: 'the sequence cursor is that of another archive' }
)
refused(
  'a sequence cursor from the future is refused',
  archiveId => ({ extensions: [after(encodeSequenceCursor({ archiveId, seq: 4 }))] }),
  { code: Code.cursor, text: 'the sequence cursor was not given out yet' }
)
refused(
  'a sequence cursor that was cut off is refused',
  archiveId => ({ extensions: [after(encodeSequenceCursor({ archiveId, seq: 1 }).subarray(1))] }),
  { code: Code.cursor, text: 'a sequence cursor is 16 bytes' }
)
refused(
  'a sequence cursor together with a cursor is refused',
  archiveId => ({ fields: { cursor: CURSOR }, extensions: [after(encodeSequenceCursor({ archiveId, seq: 1 }))] }),
  { code: Code.cursor, text: 'a cursor, a sequence cursor and a digest exclude each other' }
)
refused(
  'a sequence cursor together with a digest is refused',
  archiveId => ({ extensions: [after(encodeSequenceCursor({ archiveId, seq: 1 })), digest()] }),
  { code: Code.cursor, text: 'a cursor, a sequence cursor and a digest exclude each other' }
)

async function client(t: TestContext) {
  const server = await serverNode(t)
  const stored = expired(3)
  await server.archive.append(stored)
  return { server, stored, asking: await clientNode(t, [server]) }
}

test('a client that goes on in a dialect without a sequence cursor is told before it asks', async t => {
  const { server, stored, asking } = await client(t)
  for (const dialect of ['spec4', 'spec5', 'sg6', 'sg7'] as const)
    await assert.rejects(fetch(asking, queryOf(server, { order: 'ingest', dialect })), {
      name: 'IngestOrderError',
      message: 'ingest order, coverage and digests are asked for in spec6t, over libp2p'
    })
  assert.equal(server.server.tally.get('requests') ?? 0, 0)
  assert.deepEqual(hashesOf(await fetch(asking, queryOf(server, { order: 'ingest' }))), hashesOf(stored))
})

test('a client that goes on from a cursor of the other order is told before it asks', async t => {
  const { server, asking } = await client(t)
  const to = server.libp2p.peerId.toString()
  const byNumber = `${to}/${'00'.repeat(16)}`
  const byTime = `${to}/${'00'.repeat(36)}`
  const name = 'HistoryCursorError'
  await assert.rejects(fetch(asking, queryOf(server, { cursor: byNumber })), { name })
  await assert.rejects(fetch(asking, queryOf(server, { order: 'ingest', cursor: byTime })), { name })
})

test('a client is told of a sequence cursor of another archive as the server says it', async t => {
  const { server, asking } = await client(t)
  const cursor = `${server.libp2p.peerId}/${'00'.repeat(15)}01`
  await assert.rejects(fetch(asking, queryOf(server, { order: 'ingest', cursor })), (error: Error) => {
    assert.match(`${error.name}: ${error.message}`, /the sequence cursor is that of another archive/)
    return true
  })
})
