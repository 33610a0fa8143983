import assert from 'node:assert/strict'
import { type TestContext, test } from 'node:test'
import type { HistoryPage, HistoryQuery } from '../../src/index.js'
import { readCursor, writeCursor } from '../../src/mailclient/history-cursor.js'
import type { MailClientInit } from '../../src/mailclient/settings.js'
import { compareBytes } from '../../src/wire/bytes.js'
import type { Envelope } from '../../src/wire/envelope/envelope.js'
import { decodeCursor, encodeCursor } from '../../src/wire/request/cursor.js'
import { newEnvelope } from '../helpers/envelopes.js'
import { hashesOf } from '../interop/history.js'
import { KEY } from '../mailserver/request-maker.js'
import { type LegacyNodeInit, legacyNode } from './legacy-node.js'
import { StreamingServer, type StreamingServerInit } from './streaming-server.js'

const OLD = 1_600_000_000
const TO = OLD + 999
/** An envelope of these tests as it travels. */
const SIZE = newEnvelope({ sent: OLD }).raw.length
const BOUND = 20 * SIZE

/** So many envelopes for each of the seconds from `at` on, by (sent, hash). */
function traffic(...parts: { at: number; seconds: number; each: number }[]): Envelope[] {
  return parts
    .flatMap(({ at, seconds, each }) =>
      Array.from({ length: seconds * each }, (_, i) => newEnvelope({ sent: OLD + at + Math.floor(i / each) }))
    )
    .sort((a, b) => a.sent - b.sent || compareBytes(a.hash, b.hash))
}

interface Init {
  mailclient?: MailClientInit
  devp2p?: LegacyNodeInit['devp2p']
  fault?: StreamingServerInit['fault']
  /** Of the server's requests. */
  key?: Uint8Array
  trust?: { bytesPerDay: number }
}

/** Our client at a server that streams, and takes at most `BOUND` bytes of one answer. */
async function atServer(t: TestContext, archive: readonly Envelope[], init: Init = {}) {
  const { mailclient, devp2p = {}, fault, key = KEY, trust = {} } = init
  const server = await StreamingServer.listen(t, { archive, key, ...(fault && { fault }) })
  const node = await legacyNode(t, {
    mailserver: false,
    devp2p,
    mailclient: { maxRequestBytes: BOUND, quietTime: 100, firstTimeout: 600, retries: 0, ...mailclient }
  })
  const name = node.devp2p.addAddress(server.enode)
  await node.trust.add(name, trust)
  const query: HistoryQuery = { server: name, network: 'devp2p', from: OLD, to: TO, requestKey: KEY }
  const pages = async (more: Partial<HistoryQuery> = {}): Promise<HistoryPage[]> => {
    const got: HistoryPage[] = []
    for await (const page of node.client.history({ ...query, ...more })) got.push(page)
    return got
  }
  return { server, node, name, query, pages }
}

/** Lets what came be read. */
const turn = (): Promise<void> => new Promise(resolve => setImmediate(resolve))

const all = (pages: readonly HistoryPage[]): string[] => hashesOf(pages.flatMap(({ envelopes }) => envelopes))

test('a history above the bound of one answer comes window by window: exactly once, in order, dense times and sparse ones [MAIL-10 MAIL-38]', async t => {
  const archive = traffic(
    { at: 0, seconds: 10, each: 6 },
    { at: 100, seconds: 5, each: 1 },
    { at: 700, seconds: 20, each: 3 }
  )
  const { server, node, pages } = await atServer(t, archive)
  const historic: string[] = []
  node.waku.subscribe({ historic: true }, ({ envelope }) => historic.push(envelope.hashHex))
  const got = await pages()
  assert.deepEqual(all(got), hashesOf(archive))
  assert.deepEqual(historic, hashesOf(archive), 'nothing of an answer that was given up')
  assert.ok(got.length > 5, `${got.length} pages`)
  assert.ok(got.every(({ bytes }) => bytes <= BOUND))
  // the first request is for everything, and one that overflowed is followed by one for at most half of its time
  assert.deepEqual(server.requests[0], { lower: OLD, upper: TO, connection: 0 })
  assert.ok((server.requests[1]?.upper ?? TO) < OLD + 500)
  assert.ok(server.requests.length < 4 * got.length, `${server.requests.length} requests`)
  const cursors = got.map(({ server, cursor }) => {
    return cursor === undefined ? undefined : decodeCursor(readCursor(server, cursor))
  })
  assert.equal(cursors.pop(), undefined)
  for (const cursor of cursors) assert.ok(cursor?.hash.every(byte => byte === 0xff))
  for (const [i, { envelopes }] of got.entries()) {
    const from = cursors[i - 1]?.sent ?? OLD - 1
    const to = cursors[i]?.sent ?? TO
    assert.ok(
      envelopes.every(({ sent }) => sent > from && sent <= to),
      `page ${i} lies within its window`
    )
  }
  assert.equal(node.client.tally.get('servers_misbehaved'), 0)
})

test('what fits one answer is asked for once, as ever', async t => {
  const archive = traffic({ at: 0, seconds: 20, each: 1 })
  const { server, pages } = await atServer(t, archive)
  const got = await pages()
  assert.deepEqual(all(got), hashesOf(archive))
  assert.equal(got[0]?.cursor, undefined)
  assert.deepEqual(server.requests, [{ lower: OLD, upper: TO, connection: 0 }])
})

test('from the cursor of any page the rest comes, and nothing else [MAIL-33]', async t => {
  const archive = traffic({ at: 0, seconds: 15, each: 4 })
  const { pages } = await atServer(t, archive, { mailclient: { windowPages: 1 } })
  const got = await pages({ to: OLD + 14 })
  assert.ok(got.length >= 4)
  for (const [i, { cursor }] of got.entries()) {
    if (cursor === undefined) continue
    assert.deepEqual(all(await pages({ cursor, to: OLD + 14 })), all(got.slice(i + 1)), `page ${i}`)
  }
})

test('a cursor at an envelope goes on in its second', async t => {
  const archive = traffic({ at: 0, seconds: 15, each: 4 })
  const { name, pages } = await atServer(t, archive)
  // in the middle of a second, at its end, and where there is no such envelope
  for (const at of [5, 7, 41]) {
    const { sent, hash } = archive[at] as Envelope
    const cursor = writeCursor(name, encodeCursor(sent, hash))
    assert.deepEqual(all(await pages({ cursor })), hashesOf(archive.slice(at + 1)), `${at}`)
  }
  const before = writeCursor(name, encodeCursor(OLD + 3, new Uint8Array(32)))
  assert.deepEqual(all(await pages({ cursor: before })), hashesOf(archive.slice(12)))
  const outside = writeCursor(name, encodeCursor(OLD - 1, new Uint8Array(32)))
  await assert.rejects(pages({ cursor: outside }), { name: 'HistoryCursorError' })
})

test('the limit holds over windows, and its cursor leaves nothing out [MAIL-12 MAIL-14]', async t => {
  const archive = traffic({ at: 0, seconds: 15, each: 4 })
  const { pages } = await atServer(t, archive)
  for (const limit of [1, 10, 33, 59]) {
    const got = await pages({ limit })
    assert.deepEqual(all(got), hashesOf(archive.slice(0, limit)), `limit ${limit}`)
    const cursor = got.at(-1)?.cursor
    assert.ok(cursor !== undefined, 'there is more')
    if (limit === 33) assert.deepEqual(all(await pages({ cursor })), hashesOf(archive.slice(limit)))
  }
  assert.deepEqual(all(await pages({ limit: archive.length })), hashesOf(archive))
})

test('envelopes that come out of order leave in order, and a cut leaves nothing out', async t => {
  const archive = traffic({ at: 0, seconds: 15, each: 1 })
  const { pages } = await atServer(t, archive.toReversed())
  const [page] = await pages({ limit: 6 })
  assert.deepEqual(hashesOf(page?.envelopes ?? []), hashesOf(archive.slice(0, 6)))
  assert.deepEqual(all(await pages({ cursor: page?.cursor })), hashesOf(archive.slice(6)))
})

test('a single second above the bound is a clear error, after all that came before it [MAIL-38]', async t => {
  const archive = traffic({ at: 0, seconds: 10, each: 3 }, { at: 10, seconds: 1, each: 21 })
  const { node, query } = await atServer(t, archive)
  const reports: string[] = []
  node.client.addEventListener('report', ({ detail }) => reports.push(detail.reason))
  const got: Envelope[] = []
  const run = async (): Promise<void> => {
    for await (const page of node.client.history(query)) got.push(...page.envelopes)
  }
  await assert.rejects(run(), {
    name: 'MisbehavingServerError',
    reason: 'bytes',
    message: `more than ${BOUND} bytes came`
  })
  assert.deepEqual(hashesOf(got), hashesOf(archive.slice(0, 30)))
  assert.deepEqual(reports, ['bytes'])
})

test('bytes of an answer that was given up count in the budget of the server [MAIL-38]', async t => {
  const archive = traffic({ at: 0, seconds: 15, each: 4 })
  const { pages } = await atServer(t, archive, { trust: { bytesPerDay: BOUND + 5 * SIZE } })
  await assert.rejects(pages(), { name: 'ByteBudgetError' })
})

test('a server that goes on with what was given up is left, dialled again, and asked for less', async t => {
  const archive = traffic({ at: 0, seconds: 10, each: 3 })
  const { server, pages } = await atServer(t, archive, {
    devp2p: { drainTimeout: 200 },
    fault: async ({ connection }, line) => {
      if (connection > 0) return false
      for (let at = 0; !line.connection.signal.aborted; at++) {
        await line.deliver(archive[at % archive.length] as Envelope)
        await turn()
      }
      return true
    }
  })
  assert.deepEqual(all(await pages()), hashesOf(archive))
  const [first, second] = server.requests
  assert.deepEqual([first?.connection, second?.connection], [0, 1])
})

test('a line that breaks in a window is made anew, and nothing comes twice', async t => {
  const archive = traffic({ at: 0, seconds: 15, each: 4 })
  let broke = false
  const { server, pages } = await atServer(t, archive, {
    mailclient: { retries: 1, backoff: 1 },
    fault: async ({ lower, upper }, line) => {
      if (broke || upper === TO || lower === OLD) return false
      broke = true
      for (const envelope of archive.filter(({ sent }) => sent === lower)) await line.deliver(envelope)
      line.connection.abort(new Error('cut'))
      return true
    }
  })
  assert.deepEqual(all(await pages()), hashesOf(archive))
  assert.ok(broke)
  assert.equal(server.requests.at(-1)?.connection, 1)
})

test('the rest of an answer that was given up is not taken for the next one', async t => {
  const archive = traffic({ at: 0, seconds: 15, each: 4 })
  const { server, pages } = await atServer(t, archive, {
    mailclient: { retries: 1, backoff: 1 },
    fault: async (_request, line) => {
      if (server.requests.length !== 2) return false
      await line.deliver(archive.at(-1) as Envelope)
      return true
    }
  })
  assert.deepEqual(all(await pages()), hashesOf(archive))
  assert.deepEqual(server.requests[1], server.requests[2], 'asked for again')
})

test('a time without messages is an empty page; its silence is believed when the server has what it is known to have', async t => {
  // a second of which nothing is seen in the first answers
  const archive = traffic({ at: 0, seconds: 1, each: 19 }, { at: 999, seconds: 1, each: 19 })
  const { server, pages } = await atServer(t, archive)
  const got = await pages()
  assert.deepEqual(all(got), hashesOf(archive))
  const empty = got.filter(({ envelopes }) => envelopes.length === 0)
  assert.ok(empty.length > 0)
  // the first of them was asked for by itself, then together with the last second that had something; those behind it so at once
  const behind = server.requests.slice(2)
  assert.ok((behind[0]?.lower ?? OLD) > OLD)
  assert.equal(behind[1]?.upper, behind[0]?.upper)
  assert.ok(behind.slice(1, 1 + empty.length).every(({ lower }) => lower === OLD))
})

test('a range that begins long before the first message comes whole', async t => {
  const archive = traffic({ at: 900, seconds: 15, each: 4 })
  const { server, pages } = await atServer(t, archive)
  const got = await pages()
  assert.deepEqual(all(got), hashesOf(archive))
  assert.ok((got[0]?.envelopes.length ?? 0) > 0, 'no window is wasted on the time before')
  const [whole, first] = server.requests
  assert.deepEqual([whole?.lower, first?.lower], [OLD, OLD])
  assert.ok((first?.upper ?? 0) >= OLD + 900)
})

test('a server that falls silent between windows is an error, never a short history', async t => {
  const archive = traffic({ at: 0, seconds: 15, each: 4 })
  let answers = 0
  const { node, query, server } = await atServer(t, archive, { fault: () => ++answers > 3 })
  const got: Envelope[] = []
  const run = async (): Promise<void> => {
    for await (const page of node.client.history(query)) got.push(...page.envelopes)
  }
  await assert.rejects(run(), { name: 'SilentServerError' })
  assert.deepEqual(hashesOf(got), hashesOf(archive.slice(0, got.length)))
  assert.ok(got.length > 0 && got.length < archive.length)
  assert.equal(server.requests.length, 5)
})

test('where nothing lies behind a cursor the history is through; a server that does not answer at all is still an error', async t => {
  const archive = traffic({ at: 0, seconds: 15, each: 4 })
  const { name, pages } = await atServer(t, archive)
  const cursor = writeCursor(name, encodeCursor(OLD + 14, new Uint8Array(32).fill(0xff)))
  const [page, ...more] = await pages({ cursor })
  assert.deepEqual([page?.envelopes, page?.cursor, more], [[], undefined, []])
  await assert.rejects(pages({ cursor, requestKey: new Uint8Array(32).fill(1) }), { name: 'SilentServerError' })
  await assert.rejects(pages({ from: OLD + 500 }), { name: 'SilentServerError' }, 'without a cursor, as ever')
})

test('waiting for its turn on the line is no silence of the server', async t => {
  const archive = traffic({ at: 0, seconds: 10, each: 3 })
  let first = true
  const { pages } = await atServer(t, archive, {
    devp2p: { drainTimeout: 1000 },
    mailclient: { firstTimeout: 500, retries: 3 },
    fault: async (_request, line) => {
      if (!first) return false
      first = false
      for (let at = 0; !line.connection.signal.aborted; at++) {
        await line.deliver(archive[at % archive.length] as Envelope)
        await turn()
      }
      return true
    }
  })
  assert.deepEqual(all(await pages()), hashesOf(archive))
})
