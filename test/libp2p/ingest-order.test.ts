import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { HistoryQuery } from '../../src/mailclient/history-query.js'
import type { HistoryPage } from '../../src/mailclient/history-walk.js'
import type { Envelope } from '../../src/wire/envelope/envelope.js'
import { type Coverage, coverageItem } from '../../src/wire/request/coverage.js'
import { type DigestPart, fingerprintOf } from '../../src/wire/request/digest.js'
import { ExtensionKey, type Extensions } from '../../src/wire/request/extension.js'
import { Fingerprint } from '../../src/wire/request/fingerprint.js'
import { encodeSequenceCursor } from '../../src/wire/request/sequence-cursor.js'
import { decodeItem, encodeString } from '../../src/wire/rlp.js'
import { KEY } from '../mailserver/request-maker.js'
import { expired, hashesOf, queryOf } from './asking.js'
import { against, complete, deliver, FROM, honest, opened, RED, some, TO } from './lying-server.js'
import { type ClientNode, clientNode, lyingServer, type ScriptedLine, serverNode } from './mail-nodes.js'

const ARCHIVE = new Uint8Array(8).fill(5)
const ingest: Partial<HistoryQuery> = { order: 'ingest' }

async function pagesOf(client: ClientNode, query: HistoryQuery): Promise<HistoryPage[]> {
  const pages: HistoryPage[] = []
  for await (const page of client.client.history(query)) pages.push(page)
  return pages
}

const all = (pages: readonly HistoryPage[]): string[] => pages.flatMap(page => hashesOf(page.envelopes))

/** A page as a server of this protocol ends it. */
async function sequenced(line: ScriptedLine, request: Envelope, envelopes: Envelope[], seq: number): Promise<void> {
  await deliver(line, envelopes)
  await complete(line, {
    requestId: request.hash,
    lastHash: envelopes.at(-1)?.hash ?? new Uint8Array(32),
    extensions: new Map([sequenceAt(seq)])
  })
}

function sequenceAt(seq: number, archiveId = ARCHIVE): [number, ReturnType<typeof decodeItem>] {
  return [ExtensionKey.sequence, decodeItem(encodeString(encodeSequenceCursor({ archiveId, seq })))]
}

test('a history in ingest order goes on where it ended days ago, and misses nothing that came late', async t => {
  const server = await serverNode(t)
  const [late = [], ...rest] = [expired(30).slice(0, 10), expired(30).slice(10)]
  await server.archive.append(rest.flat().reverse())
  const client = await clientNode(t, [server])
  const first = await pagesOf(client, queryOf(server, { ...ingest, pageSize: 6 }))
  assert.deepEqual(all(first), hashesOf(rest.flat().reverse()))
  const cursor = first.at(-1)?.cursor
  assert.ok(cursor !== undefined, 'there is always somewhere to go on')
  assert.ok(first.every(page => page.cursor !== undefined))
  assert.deepEqual(all(await pagesOf(client, queryOf(server, { ...ingest, cursor }))), [])
  await server.archive.append(late)
  const second = await pagesOf(client, queryOf(server, { ...ingest, cursor }))
  assert.deepEqual(all(second), hashesOf(late))
  await assert.rejects(pagesOf(client, queryOf(server, { cursor })), { name: 'HistoryCursorError' })
})

test('coverage ends a history in ingest order without a further question, and says what may be missing', async t => {
  const server = await serverNode(t)
  await server.archive.append(expired(10))
  const gap = { from: expired(10)[0]?.sent ?? 0, until: 0xffff_ffff, kind: 1, count: 0 }
  await server.archive.addGap(gap)
  const client = await clientNode(t, [server])
  for (const order of ['ingest', 'time'] as const) {
    const pages = await pagesOf(client, queryOf(server, { order, coverage: true, pageSize: 5 }))
    assert.deepEqual(
      pages.map(({ coverage }) => [coverage?.more, coverage?.gaps]),
      [
        [true, [gap]],
        [false, [gap]]
      ]
    )
  }
  const [plain] = await pagesOf(client, queryOf(server))
  assert.equal(plain?.coverage, undefined)
})

test('a digest is that of what a history brings', async t => {
  const server = await serverNode(t)
  const envelopes = expired(700)
  await server.archive.append(envelopes)
  const client = await clientNode(t, [server])
  const { order, coverage, cursor, limit, pageSize, dialect, network, ...query } = queryOf(server)
  for (const by of ['time', 'count'] as const) {
    const { parts, salt, coverage } = await client.client.digest({ ...query, parts: 3, by })
    assert.equal(coverage.more, false)
    let count = 0
    for (const part of parts) {
      const sum = new Fingerprint(salt)
      for (const { sent, hash } of envelopes) if (sent >= part.lower && sent <= part.upper) sum.add(hash)
      assert.deepEqual([part.count, fingerprintOf(part, salt)], [sum.count, sum.bytes])
      count += part.count
    }
    assert.equal(count, 700)
  }
  for (const wrong of [{ parts: 0 }, { parts: 65 }, { salt: new Uint8Array(3) }])
    await assert.rejects(client.client.digest({ ...query, ...wrong }), { name: 'HistoryQueryError' })
})

test('a server that does not know ingest order is told from one that has nothing', async t => {
  const { error, envelopes } = await against(t, async line => honest(line, await line.request(), some(2)), ingest)
  assert.deepEqual([error?.name, envelopes.length], ['IngestOrderError', 0])
})

test('a sequence cursor that stands still, goes back or is of another archive is found out', async t => {
  const scripts: [string, (line: ScriptedLine) => Promise<void>][] = [
    ['does not count what came', async line => sequenced(line, await line.request(), some(3), 2)],
    [
      'goes back',
      async line => {
        await sequenced(line, await line.request(), some(2), 9)
        await sequenced(line, await line.request(), some(1, FROM + 5), 8)
      }
    ],
    [
      'changes its archive',
      async line => {
        await sequenced(line, await line.request(), some(2), 9)
        const request = await line.request()
        await complete(line, { requestId: request.hash, extensions: new Map([sequenceAt(10, new Uint8Array(8))]) })
      }
    ]
  ]
  for (const [name, script] of scripts) {
    const { error, reports } = await against(t, script, ingest)
    assert.deepEqual([error?.name, error?.reason, reports], ['MisbehavingServerError', 'cursor', ['cursor']], name)
  }
  const { error } = await against(
    t,
    async line => {
      const request = await line.request()
      await complete(line, { requestId: request.hash, extensions: new Map([[1, decodeItem(encodeString(ARCHIVE))]]) })
    },
    ingest
  )
  assert.equal(error?.reason, 'malformed')
})

test('an honest server is asked for what comes after its last number', async t => {
  const asked: (Extensions | undefined)[] = []
  const { envelopes, error } = await against(
    t,
    async line => {
      for (const seq of [7, 9]) {
        const request = await line.request()
        asked.push(opened(request).extensions)
        await sequenced(line, request, seq === 7 ? some(2) : [], seq)
      }
    },
    ingest
  )
  assert.deepEqual([envelopes.length, error], [2, undefined])
  assert.deepEqual(
    asked.map(extensions => extensions?.get(ExtensionKey.sequence)?.payload.length),
    [0, 16]
  )
})

test('a digest of other times, with envelopes beside it, or none at all is not taken for one', async t => {
  const coverage: Coverage = { since: 0, oldest: 0, sequence: new Uint8Array(16), more: false, gaps: [] }
  const whole: DigestPart = { lower: FROM, upper: TO, count: 0, hashes: [] }
  const cases: [string, string, DigestPart[] | undefined, Envelope[]][] = [
    ['narrower', 'MisbehavingServerError', [{ ...whole, upper: TO - 1 }], []],
    [
      'in two parts',
      'MisbehavingServerError',
      [
        { ...whole, upper: TO - 1 },
        { ...whole, lower: TO }
      ],
      []
    ],
    ['with envelopes', 'MisbehavingServerError', [whole], some(1)],
    ['none', 'IngestOrderError', undefined, []]
  ]
  for (const [name, expected, digests, envelopes] of cases) {
    let failure: Error | undefined
    const server = await lyingServer(t, async line => {
      const request = await line.request()
      if (envelopes.length > 0) await deliver(line, envelopes)
      await complete(line, {
        requestId: request.hash,
        extensions: new Map(digests && [[ExtensionKey.coverage, coverageItem({ coverage, digests })]])
      })
    })
    const client = await clientNode(t, [server])
    const query = { server: server.libp2p.peerId, from: FROM, to: TO, topics: [RED], requestKey: KEY }
    await client.client.digest(query).catch(error => {
      failure = error
    })
    assert.equal(failure?.name, expected, name)
  }
})
