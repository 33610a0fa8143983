import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Archive } from '../../src/archive/archive.js'
import { toHex } from '../../src/wire/bytes.js'
import type { Envelope } from '../../src/wire/envelope/envelope.js'
import { PacketCode } from '../../src/wire/packet/packet-code.js'
import { encodeCursor } from '../../src/wire/request/cursor.js'
import type { HistoryRequest } from '../../src/wire/request/history-request.js'
import { RequestErrorCode as Code } from '../../src/wire/request/request-error.js'
import { archiveWith } from '../helpers/archive-with.js'
import { newEnvelope, unixNow } from '../helpers/envelopes.js'
import { aMailserver, aPeer, ask, diskArchive, inOrder, type TestRequest } from './fixture.js'
import { sealRequest } from './request-maker.js'

const MIB = 1024 * 1024

type Server = Awaited<ReturnType<typeof aMailserver>>['server']

/** Follows the cursors to the end. */
async function walk(
  server: Server,
  fields: Partial<HistoryRequest>,
  between: (page: number) => Promise<void> = async () => {}
): Promise<TestRequest[]> {
  const pages: TestRequest[] = []
  const peer = await aPeer()
  for (let cursor: Uint8Array | undefined; pages.length < 1000; ) {
    const page = await ask(server, sealRequest({ ...fields, cursor }), { peer })
    pages.push(page)
    cursor = page.completion.cursor
    if (cursor === undefined) return pages
    await between(pages.length)
  }
  throw new Error('no end of pages')
}

const hashesOf = (envelopes: readonly Envelope[]): string[] => inOrder(envelopes).map(({ hashHex }) => hashHex)

test('following the cursor delivers everything exactly once, in order [MAIL-14] [MAIL-32] [MAIL-33] [D-04]', async t => {
  const { server, archive } = await aMailserver(t)
  const now = unixNow()
  const envelopes = Array.from({ length: 25 }, (_, i) => newEnvelope({ sent: now - (i % 3) }))
  await archive.append(envelopes)
  for (const limit of [1, 4, 5, 24, 25, 26]) {
    const pages = await walk(server, { limit })
    assert.deepEqual(
      pages.flatMap(({ hashes }) => hashes),
      hashesOf(envelopes),
      `limit ${limit}`
    )
    assert.equal(pages.length, Math.ceil(25 / limit), `a cursor is there only when more exists, limit ${limit}`)
    for (const page of pages) {
      const last = page.envelopes.at(-1) as Envelope
      assert.deepEqual(page.completion.lastHash, last.hash)
      if (page.completion.cursor !== undefined) {
        assert.equal(toHex(page.completion.cursor), toHex(encodeCursor(last.sent, last.hash)))
      }
    }
  }
})

test('a page ends at the limit or before its bodies exceed 1 MiB, and holds at least one envelope [MAIL-24] [D-12]', async t => {
  const { server, archive } = await aMailserver(t)
  const sizes = [
    ...Array.from({ length: 30 }, (_, i) => 1000 + 9000 * i),
    MIB - 60,
    100,
    MIB - 61,
    300_000,
    800_000,
    100
  ]
  const now = unixNow() - 100
  const envelopes = sizes.map((size, i) => newEnvelope({ sent: now + i, data: new Uint8Array(size).fill(i) }))
  await archive.append(envelopes)
  const pages = await walk(server, {})
  assert.deepEqual(
    pages.flatMap(({ hashes }) => hashes),
    hashesOf(envelopes)
  )
  pages.forEach((page, i) => {
    const bodies = page.packets.filter(({ code }) => code === PacketCode.P2PMessage)
    const sum = bodies.reduce((bytes, { body }) => bytes + body.length, 0)
    assert.equal(sum <= MIB, true, `page ${i} has ${sum} bytes`)
    assert.equal(page.envelopes.length > 0, true)
    const next = pages[i + 1]?.envelopes[0]
    if (next !== undefined) assert.equal(sum + next.size > MIB - 256, true, `page ${i} has room for more`)
  })
})

test('envelopes are packed into bodies of 64 to 256 KiB', async t => {
  const { server, archive } = await aMailserver(t)
  await archive.append(
    Array.from({ length: 1000 }, () => newEnvelope({ data: crypto.getRandomValues(new Uint8Array(700)) }))
  )
  const { packets } = await ask(server, sealRequest())
  const sizes = packets.filter(({ code }) => code === PacketCode.P2PMessage).map(({ body }) => body.length)
  assert.equal(sizes.length > 1, true)
  for (const size of sizes.slice(0, -1)) assert.equal(size >= 64 * 1024 && size <= 256 * 1024, true, `${size}`)
})

test('the bytes of a page can be set', async t => {
  const { server, archive } = await aMailserver(t, { pageBytes: 4 * MIB })
  await archive.append(Array.from({ length: 5 }, (_, i) => newEnvelope({ data: new Uint8Array(MIB - 300).fill(i) })))
  const answer = await ask(server, sealRequest())
  assert.equal(answer.envelopes.length, 4)
  assert.equal(answer.bodies.length, 4, 'no body is longer than a frame takes')
})

test('a cursor whose envelope was pruned goes on at the next, one of no envelope too [D-04]', async t => {
  const { server, archive } = await aMailserver(t)
  const now = unixNow() - 1000
  const envelopes = Array.from({ length: 10 }, (_, i) => newEnvelope({ sent: now + i }))
  await archive.append(envelopes)
  const pages = await walk(server, { limit: 3 }, async page => {
    if (page === 1) await archive.prune(now + 3)
  })
  assert.deepEqual(
    pages.flatMap(({ hashes }) => hashes),
    hashesOf(envelopes)
  )
  const foreign = encodeCursor(now + 4, new Uint8Array(32).fill(0xff))
  const answer = await ask(server, sealRequest({ cursor: foreign }))
  assert.deepEqual(answer.hashes, hashesOf(envelopes.slice(5)))
})

test('an envelope that arrives during the walk comes at most once', async t => {
  const { server, archive } = await aMailserver(t)
  const now = unixNow() - 1000
  const envelopes = Array.from({ length: 10 }, (_, i) => newEnvelope({ sent: now + i }))
  await archive.append(envelopes)
  const late = [newEnvelope({ sent: now }), newEnvelope({ sent: now + 9 }), newEnvelope({ sent: now + 20 })]
  const pages = await walk(server, { limit: 3 }, async page => {
    if (page === 2) await archive.append(late)
  })
  const seen = pages.flatMap(({ hashes }) => hashes)
  assert.equal(new Set(seen).size, seen.length)
  for (const { hashHex } of envelopes) assert.equal(seen.includes(hashHex), true)
})

test('a failing archive is said to the requester, after what was sent, and without a cursor', async t => {
  const archive = await diskArchive(t)
  const now = unixNow() - 2000
  const envelopes = Array.from({ length: 900 }, (_, i) =>
    newEnvelope({ sent: now + i, data: new Uint8Array(600).fill(i) })
  )
  await archive.append(envelopes)
  const failing: Archive = archiveWith(archive, {
    query: {
      value: async function* (query: Parameters<Archive['query']>[0]) {
        for await (const rows of archive.query({ ...query, limit: 600 })) yield rows
        throw new Error('the disk is gone')
      }
    },
    close: { value: () => archive.close() }
  })
  const { server } = await aMailserver(t, {}, { archive: failing })
  const answer = await ask(server, sealRequest())
  assert.equal(answer.errorCode, Code.internal)
  assert.doesNotMatch(answer.completion.error?.text ?? '', /disk/)
  assert.deepEqual(answer.completion.lastHash, answer.envelopes.at(-1)?.hash)
  assert.equal(answer.completion.cursor, undefined)
  assert.deepEqual(answer.hashes, hashesOf(envelopes).slice(0, answer.hashes.length))
  assert.equal((await ask(server, sealRequest())).errorCode, Code.internal, 'and the service goes on')
})
