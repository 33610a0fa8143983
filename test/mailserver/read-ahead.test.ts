import assert from 'node:assert/strict'
import { type TestContext, test } from 'node:test'
import type { PeerId } from '@libp2p/interface'
import type { Archive, ArchiveEnd, ArchiveQuery, ArchiveRow, ArchiveWatcher } from '../../src/archive/archive.js'
import { PageReader } from '../../src/mailserver/page-reader.js'
import { ReadAhead } from '../../src/mailserver/read-ahead.js'
import type { Envelope } from '../../src/wire/envelope/envelope.js'
import { archiveWith } from '../helpers/archive-with.js'
import { newEnvelope, unixNow } from '../helpers/envelopes.js'
import { aMailserver, aPeer, ask, diskArchive } from './fixture.js'
import { sealRequest } from './request-maker.js'

const AGO = 1000

/** An archive that tells what was asked of it. */
class WatchedArchive {
  readonly archive: Archive
  queries: ArchiveQuery[] = []
  /** Queries that were begun and not ended. */
  open = 0
  #onEnd: () => void = () => {}

  constructor(inner: Archive) {
    const watched = this
    this.archive = archiveWith(inner, {
      query: {
        value: async function* (query: ArchiveQuery): AsyncGenerator<ArchiveRow[], ArchiveEnd> {
          watched.queries.push(query)
          watched.open++
          try {
            return yield* inner.query(query)
          } finally {
            watched.open--
            watched.#onEnd()
          }
        }
      },
      append: { value: (envelopes: Envelope[]) => inner.append(envelopes) },
      watch: { value: (watcher: ArchiveWatcher) => inner.watch(watcher) }
    })
  }

  /** Resolves when every query so far has ended, with those that waited for their turn. */
  async idle(): Promise<void> {
    for (let turns = 0; turns < 4; turns++) await new Promise(resolve => setImmediate(resolve))
    while (this.open > 0) {
      await new Promise<void>(resolve => {
        this.#onEnd = resolve
      })
    }
  }
}

/** A server with 30 envelopes, a second apart, and a peer that was sent the first ten of them. */
async function afterFirstPage(t: TestContext) {
  const watched = new WatchedArchive(await diskArchive(t))
  const { server } = await aMailserver(t, {}, { archive: watched.archive })
  const start = unixNow() - AGO
  const envelopes = Array.from({ length: 30 }, (_, i) => newEnvelope({ sent: start + i }))
  await server.store.append(envelopes)
  const peer = await aPeer()
  const first = await ask(server, sealRequest({ limit: 10 }), { peer })
  await watched.idle()
  assert.equal(watched.queries.length, 2, 'the second page was read before anybody asked')
  const next = (options: { peer?: PeerId; limit?: number } = {}) =>
    ask(server, sealRequest({ limit: options.limit ?? 10, cursor: first.completion.cursor }), {
      peer: options.peer ?? peer
    })
  return { watched, server, start, envelopes, peer, next }
}

const hashes = (envelopes: Envelope[]): string[] => envelopes.map(({ hashHex }) => hashHex)

test('the next page is read ahead, for the peer and the request that it belongs to', async t => {
  const { watched, server, envelopes, next } = await afterFirstPage(t)
  const stranger = await next({ peer: await aPeer() })
  assert.deepEqual(stranger.hashes, hashes(envelopes.slice(10, 20)))
  await watched.idle()
  assert.equal(watched.queries.length, 4, 'a stranger has a page of its own, and its next one')
  assert.deepEqual((await next({ limit: 5 })).hashes, hashes(envelopes.slice(10, 15)))
  await watched.idle()
  assert.equal(watched.queries.length, 6, 'another limit is another page')
  assert.deepEqual((await next()).hashes, hashes(envelopes.slice(10, 20)))
  await watched.idle()
  assert.equal(watched.queries.length, 7, 'only the page after it was read')
  await server.stop()
  assert.equal(watched.open, 0)
})

test('what was stored before a page was asked for is in it, though the page was read before', async t => {
  const { watched, server, start, envelopes, next } = await afterFirstPage(t)
  const late = newEnvelope({ sent: start + 15 })
  await server.store.append([late])
  assert.deepEqual(
    (await next({ limit: 10 })).hashes,
    hashes(
      [...envelopes.slice(10, 16), late, ...envelopes.slice(16, 19)].sort(
        (a, b) => a.sent - b.sent || (a.hashHex < b.hashHex ? -1 : 1)
      )
    )
  )
  await watched.idle()
  assert.equal(watched.queries.length, 4)
})

test('what somebody else put into the archive is in it too', async t => {
  const { watched, start, envelopes, next } = await afterFirstPage(t)
  const late = newEnvelope({ sent: start + 10 })
  await watched.archive.append([late])
  const page = await next({ limit: 10 })
  assert.ok(page.hashes.includes(late.hashHex))
  assert.ok(!page.hashes.includes((envelopes[19] as Envelope).hashHex))
})

test('a last page holds what was stored after it was read', async t => {
  const { server, watched, envelopes, peer, start, next } = await afterFirstPage(t)
  const second = await next()
  await watched.idle()
  const late = newEnvelope({ sent: start + 500 })
  await server.store.append([late])
  const third = await ask(server, sealRequest({ limit: 10, cursor: second.completion.cursor }), { peer })
  assert.deepEqual(third.hashes, hashes(envelopes.slice(20)))
  assert.notEqual(third.completion.cursor, undefined)
})

test('what is stored behind a page does not spoil it', async t => {
  const { server, watched, start, envelopes, next } = await afterFirstPage(t)
  await server.store.append([newEnvelope({ sent: start + 25 })])
  assert.deepEqual((await next()).hashes, hashes(envelopes.slice(10, 20)))
  await watched.idle()
  assert.equal(watched.queries.length, 3)
})

const CHUNK = 200 * 1024

/** Slices of 200 KiB without end. */
class Source {
  taken = 0
  closed = false
  #end: () => void = () => {}
  readonly ended = new Promise<void>(resolve => {
    this.#end = resolve
  })

  async *query(): AsyncGenerator<ArchiveRow[], ArchiveEnd> {
    try {
      for (;;) {
        this.taken++
        yield [{ sent: this.taken, hash: new Uint8Array(32), raw: new Uint8Array(CHUNK) }]
      }
    } finally {
      this.closed = true
      this.#end()
    }
  }

  reader(): PageReader {
    return new PageReader({ query: () => this.query(), turn: work => work() })
  }
}

/** Lets everything happen that can. */
async function quiet(): Promise<void> {
  for (let i = 0; i < 5; i++) await new Promise(resolve => setImmediate(resolve))
}

test('half a MiB is read ahead and no more', async () => {
  const source = new Source()
  const reader = source.reader()
  await quiet()
  assert.equal(source.taken, 3)
  assert.equal(reader.reach, Number.POSITIVE_INFINITY, 'anything may still belong to it')
  await reader.next()
  await quiet()
  assert.equal(source.taken, 4)
  await reader.close()
  assert.equal(source.closed, true)
  await assert.rejects(() => reader.next(), /closed/)
})

test('a reader that waits for its slice is told when the page is closed', async () => {
  let release: () => void = () => {}
  const gate = new Promise<void>(resolve => {
    release = resolve
  })
  const reader = new PageReader({
    query: () => new Source().query(),
    turn: async work => {
      await gate
      return work()
    }
  })
  const waiting = assert.rejects(reader.next(), /closed/)
  const closed = reader.close()
  release()
  await waiting
  await closed
})

test('pages that nobody asks for are given up: the oldest first, and each after a while', async () => {
  const ahead = new ReadAhead({ max: 3, maxPerPeer: 2, patience: 20 })
  const query = (cursor: number): ArchiveQuery => ({
    lower: 0,
    upper: 9,
    limit: 1,
    cursor: new Uint8Array(36).fill(cursor)
  })
  const sources = [1, 2, 3, 4, 5].map(() => new Source())
  const keep = (owner: string, i: number): void => ahead.keep(owner, query(i), (sources[i] as Source).reader())
  const closed = (): boolean[] => sources.map(source => source.closed)
  keep('a', 0)
  keep('a', 1)
  await quiet()
  assert.deepEqual(closed(), [false, false, false, false, false])
  keep('a', 2)
  await quiet()
  assert.deepEqual(closed(), [true, false, false, false, false])
  keep('b', 3)
  keep('c', 4)
  await quiet()
  assert.deepEqual(closed(), [true, true, false, false, false])
  assert.equal(ahead.take('a', query(3)), undefined)
  const taken = ahead.take('b', query(3))
  assert.notEqual(taken, undefined)
  await Promise.all([sources[2]?.ended, sources[4]?.ended])
  assert.deepEqual(closed(), [true, true, true, false, true])
  await taken?.close()
})
