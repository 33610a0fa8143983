import assert from 'node:assert/strict'
import { type TestContext, test } from 'node:test'
import { MemoryDatastore } from 'datastore-core'
import type { Archive } from '../../src/archive/archive.js'
import { Tally } from '../../src/base/tally.js'
import { Backfill, type BackfillParts, type BackfillProgress } from '../../src/bridge/backfill.js'
import { BackfillRecords } from '../../src/bridge/backfill-record.js'
import { MAILSERVER_EVENTS } from '../../src/mailserver/counters.js'
import { TopicStore } from '../../src/mailserver/topic-store.js'
import type { Envelope } from '../../src/wire/envelope/envelope.js'
import { legacyNode } from '../devp2p/legacy-node.js'
import { StreamingServer } from '../devp2p/streaming-server.js'
import { newEnvelope, unixNow } from '../helpers/envelopes.js'
import { deliver, honest } from '../libp2p/lying-server.js'
import { clientNode, lyingServer, serverNode } from '../libp2p/mail-nodes.js'
import { diskArchive } from '../mailserver/fixture.js'
import { KEY } from '../mailserver/request-maker.js'

const OLD = 1_600_000_000
const TO = OLD + 10_000
const { signal } = new AbortController()

const expired = (count: number): Envelope[] =>
  Array.from({ length: count }, (_, i) => newEnvelope({ sent: OLD + 10 * i }))

async function stored(archive: Archive): Promise<string[]> {
  const hashes: string[] = []
  for await (const rows of archive.query({ lower: 0, upper: 0xffffffff, limit: 1e6 })) {
    hashes.push(...rows.map(({ hash }) => Buffer.from(hash).toString('hex')))
  }
  return hashes
}

async function filler(t: TestContext, history: BackfillParts['history'], parts: Partial<BackfillParts> = {}) {
  const archive = await diskArchive(t)
  const datastore = new MemoryDatastore()
  const tally = new Tally(MAILSERVER_EVENTS, { name: 'x', help: 'x' })
  const store = new TopicStore({ archive, tally })
  const rules = { pow: 0, maxTtl: 86_400 }
  return { archive, datastore, backfill: new Backfill({ history, store, datastore, rules, ...parts }) }
}

test('a new archive has everything that a libp2p server has, as the same bytes, and again costs nothing but time [MAIL-03]', async t => {
  const server = await serverNode(t)
  const envelopes = expired(230)
  await server.archive.append(envelopes)
  const { client } = await clientNode(t, [server])
  const { archive, backfill } = await filler(t, query => client.history(query))
  const query = { server: server.libp2p.peerId, from: OLD, to: TO, requestKey: KEY, pageSize: 50 }
  const seen: BackfillProgress[] = []
  const first = await backfill.run(query, { signal, onProgress: progress => seen.push(progress) })
  assert.deepEqual(await stored(archive), await stored(server.archive))
  assert.deepEqual(
    { ...first, server: '', bytes: 0 },
    {
      server: '',
      from: OLD,
      to: TO,
      resumed: false,
      complete: true,
      pages: 5,
      envelopes: 230,
      stored: 230,
      known: 0,
      refused: { ttl: 0, future: 0, size: 0, pow: 0, retention: 0 },
      damaged: 0,
      bytes: 0
    }
  )
  assert.deepEqual(
    seen.map(({ pages }) => pages),
    [1, 2, 3, 4, 5]
  )
  assert.ok(seen.every(({ done }, i) => done > (seen[i - 1]?.done ?? 0) && done <= 1))
  const second = await backfill.run(query, { signal })
  assert.equal(second.stored, 0)
  assert.equal(second.known, 230)
})

test('a devp2p server heals it just as well', async t => {
  const server = await legacyNode(t)
  const envelopes = expired(60)
  await server.archive.append(envelopes)
  const client = await legacyNode(t, { mailserver: false })
  const peer = client.devp2p.addAddress(server.enode)
  await client.trust.add(peer)
  const { archive, backfill } = await filler(t, query => client.client.history(query))
  const query = { server: peer, network: 'devp2p' as const, from: OLD, to: TO, requestKey: KEY, pageSize: 25 }
  assert.equal((await backfill.run(query, { signal })).stored, 60)
  assert.deepEqual(await stored(archive), await stored(server.archive))
})

test('a server without pages heals it window by window: interrupted, it goes on behind the last one on disk', async t => {
  const envelopes = expired(60)
  const raw = (envelopes[0] as Envelope).raw.length
  const server = await StreamingServer.listen(t, { archive: envelopes, key: KEY })
  const mailclient = { maxRequestBytes: 20 * raw, quietTime: 100, firstTimeout: 600 }
  const client = await legacyNode(t, { mailserver: false, mailclient })
  const peer = client.devp2p.addAddress(server.enode)
  await client.trust.add(peer)
  const { archive, backfill, datastore } = await filler(t, query => client.client.history(query))
  const query = { server: peer, network: 'devp2p' as const, from: OLD, to: OLD + 599, requestKey: KEY }
  const stop = new AbortController()
  const done: number[] = []
  const run = backfill.run(query, {
    signal: stop.signal,
    onProgress: progress => {
      done.push(progress.done)
      if (progress.pages === 2) stop.abort(new Error('enough for now'))
    }
  })
  await assert.rejects(run, { message: 'enough for now' })
  const kept = await stored(archive)
  assert.ok(kept.length > 0 && kept.length < 60)
  assert.ok((done[1] ?? 0) > (done[0] ?? 0))
  const record = await new BackfillRecords(datastore).load(peer, undefined)
  const at = Number.parseInt(record?.cursor?.split('/')[1]?.slice(0, 8) ?? '', 16)
  assert.equal(kept.length, envelopes.filter(({ sent }) => sent <= at).length, 'all up to the cursor is on disk')
  const before = server.requests.length
  // nothing came since; the silence about that time is doubted once
  const rest = await backfill.run({ ...query, to: OLD + 700 }, { signal })
  assert.equal(server.requests[before]?.lower, at + 1, 'nothing is asked for again')
  assert.deepEqual([rest.resumed, rest.complete, rest.known, rest.stored], [true, true, 1, 60 - kept.length])
  const [alone, doubted] = server.requests.slice(-2)
  assert.deepEqual([alone?.lower, doubted?.lower, doubted?.upper], [OLD + 599, OLD + 590, OLD + 700])
  assert.equal((await stored(archive)).length, 60)
  assert.equal(await new BackfillRecords(datastore).load(peer, undefined), undefined)
})

test('interrupted after a page it goes on behind it, and then fetches what came since', async t => {
  const server = await serverNode(t)
  await server.archive.append(expired(100))
  const { client } = await clientNode(t, [server])
  const { archive, backfill } = await filler(t, query => client.history(query))
  const query = { server: server.libp2p.peerId, from: OLD, to: TO, requestKey: KEY, pageSize: 20 }
  const stop = new AbortController()
  const run = backfill.run(query, {
    signal: stop.signal,
    onProgress: ({ pages }) => {
      if (pages === 2) stop.abort(new Error('enough for now'))
    }
  })
  await assert.rejects(run, { message: 'enough for now' })
  const kept = (await archive.stats()).envelopes
  assert.ok(kept >= 40 && kept < 100)
  // a page came later than the first run began
  await server.archive.append([newEnvelope({ sent: TO + 5 })])
  const rest = await backfill.run({ ...query, from: OLD + 1, to: TO + 10 }, { signal })
  assert.equal(rest.resumed, true)
  assert.equal(rest.envelopes, 101 - kept, 'what was on its way to the disk is there, and noted')
  assert.equal(rest.known, 0)
  assert.deepEqual(await stored(archive), await stored(server.archive))
})

test('a cursor that the server takes no more is forgotten', async t => {
  const server = await serverNode(t)
  await server.archive.append(expired(50))
  const { client } = await clientNode(t, [server])
  let lie = true
  const { archive, datastore, backfill } = await filler(t, query => {
    if (query.cursor === undefined || !lie) return client.history(query)
    lie = false
    // out of its range
    return client.history({ ...query, from: OLD + 400, cursor: query.cursor })
  })
  const { peerId } = server.libp2p
  const stale = `${peerId}/${(OLD + 10).toString(16)}${'00'.repeat(32)}`
  await new BackfillRecords(datastore).save(peerId, undefined, { from: OLD, to: TO, cursor: stale })
  const { stored: count, complete } = await backfill.run(
    { server: peerId, from: OLD, to: TO, requestKey: KEY },
    { signal }
  )
  assert.equal(lie, false)
  assert.equal(complete, true)
  assert.equal(count, 50)
  assert.equal((await archive.stats()).envelopes, 50)
})

test('what would not have been taken in live is left out and counted by its reason', async t => {
  const now = unixNow()
  const fine = newEnvelope({ sent: OLD })
  const batch = [
    fine,
    newEnvelope({ sent: OLD + 1, ttl: 0 }),
    newEnvelope({ sent: OLD + 2, ttl: 100_000 }),
    newEnvelope({ sent: now + 30 })
  ]
  const server = await lyingServer(t, async line => honest(line, await line.request(), batch))
  const { client } = await clientNode(t, [server])
  const query = { server: server.libp2p.peerId, from: OLD, to: now + 60, requestKey: KEY }
  const run = async (parts: Partial<BackfillParts>) => {
    const { archive, backfill } = await filler(t, asked => client.history(asked), parts)
    const { refused } = await backfill.run(query, { signal })
    return { refused, hashes: await stored(archive) }
  }
  const open = await run({})
  assert.deepEqual(open.refused, { ttl: 2, future: 1, size: 0, pow: 0, retention: 0 })
  assert.deepEqual(open.hashes, [fine.hashHex])
  const strict = await run({ rules: { pow: 1e9, maxTtl: 200_000 } })
  assert.deepEqual(strict.refused, { ttl: 1, future: 1, size: 0, pow: 2, retention: 0 })
  assert.deepEqual(strict.hashes, [])
  const tally = new Tally(MAILSERVER_EVENTS, { name: 'y', help: 'y' })
  const brief = await run({
    store: new TopicStore({ archive: await diskArchive(t), tally, floor: (_, now) => now - 60 })
  })
  assert.equal(brief.refused.retention, 1)
})

test('a server that lies or breaks off ends the run, and what came before is kept and noted', async t => {
  const pages = [expired(5), expired(5).map((_, i) => newEnvelope({ sent: OLD + 1000 + i }))]
  let asked = 0
  const server = await lyingServer(t, async line => {
    const request = await line.request()
    asked++
    if (asked === 1) await honest(line, request, pages[0] ?? [], true)
    const next = await line.request()
    asked++
    await deliver(line, pages[1] ?? [])
    // the completion names an envelope that did not come
    await honest(line, next, [], false)
  })
  const { client } = await clientNode(t, [server], { retries: 0 })
  const { archive, datastore, backfill } = await filler(t, query => client.history(query))
  const query = { server: server.libp2p.peerId, from: OLD, to: TO, requestKey: KEY, pageSize: 5 }
  await assert.rejects(backfill.run(query, { signal }), { name: 'MisbehavingServerError' })
  assert.equal((await archive.stats()).envelopes, 5)
  const record = await new BackfillRecords(datastore).load(server.libp2p.peerId, undefined)
  assert.ok(record?.cursor?.includes((OLD + 40).toString(16)))
})

test('nothing is noted behind what did not reach the disk', async t => {
  const server = await serverNode(t)
  await server.archive.append(expired(30))
  const { client } = await clientNode(t, [server])
  let failing = true
  const parts = await filler(t, query => client.history(query))
  const tally = new Tally(MAILSERVER_EVENTS, { name: 'z', help: 'z' })
  const store = new TopicStore({ archive: parts.archive, tally })
  const backfill = new Backfill({
    history: query => client.history(query),
    store: {
      append: async envelopes => {
        if (failing && envelopes.some(({ sent }) => sent >= OLD + 100)) throw new Error('the disk is full')
        return store.append(envelopes)
      }
    },
    datastore: parts.datastore,
    rules: { pow: 0, maxTtl: 86_400 }
  })
  const query = { server: server.libp2p.peerId, from: OLD, to: TO, requestKey: KEY, pageSize: 10 }
  await assert.rejects(backfill.run(query, { signal }), { message: 'the disk is full' })
  failing = false
  const rest = await backfill.run(query, { signal })
  assert.equal(rest.resumed, true)
  assert.equal(rest.stored, 20)
  assert.deepEqual(await stored(parts.archive), await stored(server.archive))
})
