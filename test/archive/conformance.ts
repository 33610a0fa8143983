import assert from 'node:assert/strict'
import { type TestContext, test } from 'node:test'
import type { Archive, DigestQuery } from '../../src/archive/archive.js'
import { useQuickKeccak } from '../../src/node/crypto/quick-keccak.js'
import { fromHex, MAX_UINT32, toHex } from '../../src/wire/bytes.js'
import { lossyTopicBloom, topicBloom } from '../../src/wire/envelope/bloom.js'
import type { Envelope } from '../../src/wire/envelope/envelope.js'
import { encodeCursor } from '../../src/wire/request/cursor.js'
import { compareWithModel, type Open, readDigest, readPage, readSequence, readSince } from './comparison.js'
import { byTimeAndHash } from './model.js'
import { envelopeAt } from './traffic.js'

/** A store of its own for one test: opens the same archive again and again, and is cleaned up after the test. */
export type MakeStore = (t: TestContext) => Promise<Open>

export interface ConformanceOptions {
  /** Pages to compare with the model, spread over `seeds`. */
  cases: number
  seeds: number[]
}

const NOON = 1_600_041_600
const ALL = { lower: 0, upper: MAX_UINT32, limit: Number.POSITIVE_INFINITY }
const [RED, BLUE, LOSSY] = ['11223344', '55667788', '00010200'].map(fromHex) as [Uint8Array, Uint8Array, Uint8Array]

/** What every archive has to do, whatever it keeps its envelopes in. */
export async function conformance(name: string, makeStore: MakeStore, options: ConformanceOptions): Promise<void> {
  await useQuickKeccak()
  const it = (title: string, check: (archive: Archive, open: Open) => Promise<void>): void => {
    test(`${name}: ${title}`, async t => {
      const open = await makeStore(t)
      const archive = await open()
      await check(archive, open)
      await archive.close()
    })
  }

  it('gives back the very bytes that were appended, whatever their size [MAIL-01] [MAIL-03] [D-07]', async archive => {
    const envelopes = [0, 1, 55, 56, 255, 256, 65_536, 1_000_000].map((size, i) => envelope(NOON + i, RED, size))
    assert.deepEqual(
      await archive.append(envelopes),
      envelopes.map(() => 'stored')
    )
    const { rows } = await readPage(archive, ALL)
    rows.forEach((row, i) => {
      const { raw, sent, hashHex } = envelopes[i] as Envelope
      assert.equal(Buffer.compare(row.raw, raw), 0)
      assert.equal(row.sent, sent)
      assert.equal(toHex(row.hash), hashHex)
    })
    assert.equal(rows.length, envelopes.length)
  })

  it('orders by creation time and then by hash [D-04] [D-07]', async archive => {
    const envelopes = Array.from({ length: 40 }, (_, i) => envelope(NOON + (i % 4), i % 2 ? RED : BLUE, i))
    await archive.append(envelopes)
    assert.deepEqual(
      await hashes(archive, ALL),
      [...envelopes].sort(byTimeAndHash).map(e => e.hashHex)
    )
  })

  it('stores an envelope once, within a batch, between batches and at the same time [MAIL-01]', async archive => {
    const [a, b, c] = [envelope(NOON, RED, 1), envelope(NOON, RED, 2), envelope(NOON, BLUE, 3)] as const
    assert.deepEqual(await archive.append([a, b, a]), ['stored', 'stored', 'known'])
    assert.deepEqual(await archive.append([b]), ['known'])
    const together = await Promise.all([archive.append([c, a]), archive.append([c])])
    assert.deepEqual(together, [['stored', 'known'], ['known']])
    assert.deepEqual(await archive.append([]), [])
    const { envelopes, lastSeq } = await archive.stats()
    assert.deepEqual([envelopes, lastSeq], [3, 3])
  })

  it('takes both ends of the range in, also at the ends of time [D-04]', async archive => {
    const times = [0, 1, NOON, NOON + 1, MAX_UINT32 - 1, MAX_UINT32]
    await archive.append(times.map(time => envelope(time, RED, 1)))
    const sent = async (lower: number, upper: number): Promise<number[]> => {
      const { rows } = await readPage(archive, { lower, upper, limit: 10 })
      assert.deepEqual(
        await sentOf(archive, { lower, upper, limit: 10, topics: [RED] }),
        rows.map(row => row.sent)
      )
      return rows.map(row => row.sent)
    }
    assert.deepEqual(await sent(0, MAX_UINT32), times)
    assert.deepEqual(await sent(0, 0), [0])
    assert.deepEqual(await sent(1, NOON), [1, NOON])
    assert.deepEqual(await sent(MAX_UINT32, MAX_UINT32), [MAX_UINT32])
    assert.deepEqual(await sent(NOON + 2, MAX_UINT32 - 2), [])
  })

  it('keeps an envelope whose creation time wraps around where it says', async archive => {
    const wrapped = envelopeAt(MAX_UINT32 - 4, RED, new Uint8Array(3), 10)
    assert.equal(wrapped.expiry, 5)
    await archive.append([wrapped])
    assert.deepEqual(await sentOf(archive, ALL), [MAX_UINT32 - 4])
  })

  it('goes on strictly after the cursor, one envelope at a time [D-04]', async archive => {
    const envelopes = Array.from({ length: 30 }, (_, i) => envelope(NOON + (i >> 3), i % 3 ? RED : BLUE, i))
    await archive.append(envelopes)
    for (const topics of [undefined, [RED], [RED, BLUE]]) {
      const wanted = envelopes.filter(({ topic }) => topics?.length !== 1 || topic[0] === RED[0]).sort(byTimeAndHash)
      const seen: string[] = []
      let cursor: Uint8Array | undefined
      do {
        const page = await readPage(archive, { ...ALL, limit: 1, topics, cursor })
        assert.equal(page.rows.length, 1)
        seen.push(...page.rows.map(row => toHex(row.hash)))
        cursor = page.cursor
      } while (cursor !== undefined)
      assert.deepEqual(
        seen,
        wanted.map(e => e.hashHex)
      )
    }
  })

  it('gives a cursor of 36 bytes exactly when one more envelope matches [D-04]', async archive => {
    await archive.append([0, 1, 2].map(i => envelope(NOON + i, i === 2 ? BLUE : RED, i)))
    const last = (await readPage(archive, { ...ALL, limit: 2 })).rows.at(-1)
    const { cursor } = await readPage(archive, { ...ALL, limit: 2 })
    assert.equal(cursor && toHex(cursor), last && toHex(encodeCursor(last.sent, last.hash)))
    assert.equal((await readPage(archive, { ...ALL, limit: 3 })).cursor, undefined)
    assert.equal((await readPage(archive, { ...ALL, limit: 2, topics: [RED] })).cursor, undefined)
    assert.equal((await readPage(archive, { ...ALL, limit: 2, upper: NOON + 1 })).cursor, undefined)
    assert.equal((await readPage(archive, { ...ALL, limit: 1, topics: [RED] })).cursor?.length, 36)
  })

  it('goes on at the next envelope when that of the cursor was pruned or never was [D-04]', async archive => {
    const envelopes = [0, 1, 2, 3].map(i => envelope(NOON + i, RED, i))
    await archive.append(envelopes)
    const { cursor } = await readPage(archive, { ...ALL, limit: 2 })
    await archive.prune(NOON + 2)
    const left = envelopes.slice(2).map(e => e.hashHex)
    for (const topics of [undefined, [RED]]) {
      assert.deepEqual(await hashes(archive, { ...ALL, topics, cursor }), left)
      const before = encodeCursor(NOON + 2, new Uint8Array(32))
      assert.deepEqual(await hashes(archive, { ...ALL, topics, cursor: before }), left)
      const behind = encodeCursor(NOON + 2, new Uint8Array(32).fill(0xff))
      assert.deepEqual(await hashes(archive, { ...ALL, topics, cursor: behind }), left.slice(1))
      const end = encodeCursor(MAX_UINT32, new Uint8Array(32).fill(0xff))
      assert.deepEqual(await hashes(archive, { ...ALL, topics, cursor: end }), [])
    }
  })

  it('prefers topics to a bloom filter, and tests a filter the way deployed programs fill it', async archive => {
    const [red, blue, lossy] = [RED, BLUE, LOSSY].map((topic, i) => envelope(NOON + i, topic, 1)) as [
      Envelope,
      Envelope,
      Envelope
    ]
    await archive.append([red, blue, lossy])
    assert.deepEqual(await hashes(archive, { ...ALL, topics: [RED, RED], bloom: topicBloom(BLUE) }), [red.hashHex])
    assert.deepEqual(await hashes(archive, { ...ALL, bloom: topicBloom(BLUE) }), [blue.hashHex])
    for (const bloom of [topicBloom(LOSSY), lossyTopicBloom(LOSSY)])
      assert.deepEqual(await hashes(archive, { ...ALL, bloom }), [lossy.hashHex])
    assert.deepEqual(await hashes(archive, { ...ALL, bloom: new Uint8Array(64) }), [])
    assert.equal((await hashes(archive, { ...ALL, bloom: new Uint8Array(64).fill(0xff) })).length, 3)
  })

  it('ends a page before it grows past maxBytes, but never without an envelope', async archive => {
    const envelopes = [100_000, 200_000, 300_000].map((size, i) => envelope(NOON + i, RED, size))
    await archive.append(envelopes)
    const [first, second] = envelopes.map(e => e.size) as [number, number]
    for (const topics of [undefined, [RED]]) {
      const count = async (maxBytes: number): Promise<[number, boolean]> => {
        const page = await readPage(archive, { ...ALL, topics, maxBytes })
        return [page.rows.length, page.cursor !== undefined]
      }
      assert.deepEqual(await count(0), [1, true])
      assert.deepEqual(await count(first + second - 1), [1, true])
      assert.deepEqual(await count(first + second), [2, true])
      assert.deepEqual(await count(10_000_000), [3, false])
    }
  })

  it('hands out a long answer in slices of bounded size', async archive => {
    await archive.append(Array.from({ length: 1500 }, (_, i) => envelope(NOON + i, RED, 2)))
    await archive.append(Array.from({ length: 8 }, (_, i) => envelope(NOON + 2000 + i, RED, 900_000)))
    for (const topics of [undefined, [RED]]) {
      const slices: { rows: number; bytes: number }[] = []
      for await (const rows of archive.query({ ...ALL, topics })) {
        slices.push({ rows: rows.length, bytes: rows.reduce((sum, row) => sum + row.raw.length, 0) })
        assert(slices.length <= 1508, 'it comes to an end')
      }
      assert.equal(
        slices.reduce((sum, { rows }) => sum + rows, 0),
        1508
      )
      assert(
        slices.every(({ rows, bytes }) => rows <= 512 && bytes <= 2_000_000),
        JSON.stringify(slices)
      )
    }
  })

  it('deletes what was sent before a time and nothing else [D-08]', async archive => {
    const envelopes = [-86_400, -1, 0, 1, 86_400].map(i => envelope(NOON + i, i < 0 ? RED : BLUE, 1))
    await archive.append(envelopes)
    assert.equal(await archive.prune(0), 0)
    assert.equal(await archive.prune(NOON), 2)
    assert.equal(await archive.prune(NOON), 0)
    assert.deepEqual(
      await hashes(archive, ALL),
      envelopes.slice(2).map(e => e.hashHex)
    )
    assert.deepEqual(await hashes(archive, { ...ALL, topics: [RED] }), [])
    const { oldest, newest, topics } = await archive.stats()
    assert.deepEqual([oldest, newest, topics], [NOON, NOON + 86_400, 1])
    assert.equal(await archive.prune(2 ** 32), 3)
    assert.deepEqual(await archive.stats(), { envelopes: 0, bytes: 0, topics: 0, lastSeq: 5 })
  })

  it('deletes of some topics, of all but some, and no more at a time than it is told to [D-08]', async (archive, open) => {
    const at = (i: number) => envelope(NOON + i, [RED, BLUE, LOSSY][i % 3] as Uint8Array, 100)
    await archive.append(Array.from({ length: 300 }, (_, i) => at(i)))
    const { size } = at(0)
    assert.deepEqual(await archive.trim({ before: NOON + 30, topics: [RED] }), { removed: 10, reached: NOON + 30 })
    assert.deepEqual(await archive.trim({ before: 2 ** 32, except: [RED, BLUE], most: 7 }), {
      removed: 7,
      reached: NOON + 23
    })
    assert.deepEqual(await archive.trim({ before: 2 ** 32, topics: [BLUE], bytes: 2.5 * size }), {
      removed: 3,
      reached: NOON + 10
    })
    assert.deepEqual(await archive.size({ ...ALL, topics: [BLUE] }), { envelopes: 97, bytes: 97 * size })
    assert.deepEqual(await archive.size({ lower: 0, upper: NOON + 29 }), { envelopes: 10, bytes: 10 * size })
    const oldest = async (of: Archive, filter: Partial<Parameters<Archive['coverage']>[0]> = {}) =>
      (await of.coverage({ ...ALL, ...filter })).oldest
    const expected = [NOON + 30, NOON + 30, NOON + 10, NOON + 23, NOON + 30]
    const said = async (of: Archive) => [
      await oldest(of),
      await oldest(of, { topics: [RED] }),
      await oldest(of, { topics: [BLUE] }),
      await oldest(of, { bloom: topicBloom(LOSSY) }),
      await oldest(of, { topics: [BLUE, RED] })
    ]
    assert.deepEqual(await said(archive), expected)
    await archive.close()
    const again = await open()
    assert.deepEqual(await said(again), expected, 'also after a restart')
    assert.equal(await again.prune(NOON + 25), 6)
    assert.deepEqual(await said(again), [NOON + 30, NOON + 30, NOON + 25, NOON + 25, NOON + 30])
    const { rows } = await readSequence(again, { ...ALL, after: 0 })
    assert.deepEqual(
      rows.slice(0, 4).map(({ sent }) => sent - NOON),
      [25, 26, 28, 29],
      'in the order of ingest nothing is missing'
    )
    await again.close()
  })

  it('deletes the oldest second at least, however little it may delete', async archive => {
    await archive.append(Array.from({ length: 9 }, (_, i) => envelope(NOON + (i > 5 ? 1 : 0), RED, i)))
    assert.deepEqual(await archive.trim({ before: 2 ** 32, most: 2 }), { removed: 6, reached: NOON + 1 })
    assert.deepEqual(await archive.trim({ before: NOON + 1, most: 2 }), { removed: 0, reached: NOON + 1 })
    assert.deepEqual(await archive.trim({ before: 2 ** 32, bytes: 1 }), { removed: 3, reached: 2 ** 32 })
  })

  it('deletes until it is enough, of envelopes and of bytes [D-08]', async archive => {
    const envelopes = Array.from({ length: 20 }, (_, i) => envelope(NOON + i, i % 2 ? RED : BLUE, 1000))
    const [{ size }] = envelopes as [Envelope]
    await archive.append(envelopes)
    assert.deepEqual(await archive.trim({ before: 2 ** 32, envelopes: 3, bytes: size }), {
      removed: 3,
      reached: NOON + 3
    })
    assert.deepEqual(await archive.trim({ before: 2 ** 32, envelopes: 1, bytes: 3 * size - 1 }), {
      removed: 3,
      reached: NOON + 6
    })
    assert.deepEqual(await archive.trim({ before: 2 ** 32, envelopes: 9, most: 2 }), { removed: 2, reached: NOON + 8 })
    assert.deepEqual(await archive.trim({ before: NOON + 10, envelopes: 9 }), { removed: 2, reached: NOON + 10 })
    assert.deepEqual(await archive.trim({ before: NOON + 10, envelopes: 9 }), { removed: 0, reached: NOON + 10 })
  })

  it('never gives a sequence number twice, not even when all was pruned in between', async (archive, open) => {
    const [a, b] = [envelope(NOON, RED, 1), envelope(NOON + 1, RED, 2)]
    await archive.append([a, b])
    await archive.prune(2 ** 32)
    await archive.close()
    const again = await open()
    assert.equal((await again.stats()).lastSeq, 2)
    assert.deepEqual(await again.append([b]), ['stored'])
    assert.deepEqual(
      (await readSince(again, 0, 10)).map(row => row.seq),
      [3]
    )
    await again.close()
  })

  it('tells what was archived since a sequence number, also what is back-dated', async archive => {
    const envelopes = [5, 3, 9, 1, 7].map(i => envelope(NOON + i * 50_000, RED, i))
    for (const one of envelopes) await archive.append([one])
    await archive.prune(NOON + 2 * 50_000)
    const expected = [1, 2, 3, 5].map(seq => [seq, toHex((envelopes[seq - 1] as Envelope).raw)])
    const print = async (after: number, limit: number): Promise<unknown[]> =>
      (await readSince(archive, after, limit)).map(row => [row.seq, toHex(row.raw)])
    assert.deepEqual(await print(0, 10), expected)
    assert.deepEqual(await print(2, 1), expected.slice(2, 3))
    assert.deepEqual(await print(3, 1), expected.slice(3))
    assert.deepEqual(await print(5, 10), [])
  })

  it('goes on in ingest order where it ended, whatever was appended, pruned or came late in between', async (archive, open) => {
    await archive.append([5, 6, 7].map(i => envelope(NOON + i, RED, i)))
    const query = { ...ALL, topics: [RED] }
    const first = await readSequence(archive, { ...query, after: 0, limit: 2 })
    assert.deepEqual([first.rows.map(row => row.sent), first.end], [[NOON + 5, NOON + 6], { seq: 2, more: true }])
    const rest = await readSequence(archive, { ...query, after: 2 })
    assert.deepEqual([rest.rows.length, rest.end], [1, { seq: 3, more: false }])
    await archive.append([envelope(NOON + 8, BLUE, 1), envelope(NOON - 86_400, RED, 2), envelope(NOON + 1, RED, 3)])
    await archive.prune(NOON)
    await archive.close()
    const again = await open()
    const late = await readSequence(again, { ...query, after: rest.end.seq })
    assert.deepEqual([late.rows.map(row => row.sent), late.end], [[NOON + 1], { seq: 6, more: false }])
    const none = await readSequence(again, { ...query, after: 6 })
    assert.deepEqual([none.rows, none.end], [[], { seq: 6, more: false }])
    await assert.rejects(readSequence(again, { ...query, after: 7 }), { name: 'ArchiveQueryError' })
    await again.close()
  })

  it('knows when it began, what was pruned, its gaps and who looked after it, also after a restart', async (archive, open) => {
    const { since, ...rest } = await archive.coverage(ALL)
    assert.ok(Math.abs(since - Date.now() / 1000) < 60)
    assert.deepEqual(rest, { oldest: 0, lastSeq: 0, gaps: [] })
    assert.equal(archive.attended, undefined)
    await archive.append([envelope(NOON, RED, 1), envelope(NOON + 100, RED, 2)])
    await archive.prune(NOON + 50)
    await archive.prune(NOON)
    const [down, full, again] = [
      { from: 100, until: 200, kind: 0, count: 0 },
      { from: 150, until: 160, kind: 1, count: 0 },
      { from: 201, until: 300, kind: 0, count: 0 }
    ] as const
    for (const gap of [full, again, down]) await archive.addGap(gap)
    await archive.attend(NOON + 7)
    await archive.close()
    const reopened = await open()
    const joined = { from: 100, until: 300, kind: 0, count: 0 }
    const expected = { since, oldest: NOON + 50, lastSeq: 2, gaps: [joined, full] }
    assert.deepEqual(await reopened.coverage(ALL), expected)
    assert.deepEqual((await reopened.coverage({ lower: 161, upper: 400 })).gaps, [joined])
    assert.deepEqual((await reopened.coverage({ lower: 301, upper: 400 })).gaps, [])
    assert.equal(reopened.attended, NOON + 7)
    for (const wrong of [{ from: 2, until: 1 }, { from: -1 }, { until: 2 ** 32 }, { kind: 256 }, { count: 0.5 }])
      await assert.rejects(reopened.addGap({ ...full, ...wrong }), { name: 'ArchiveQueryError' })
    await assert.rejects(reopened.coverage({ lower: 2, upper: 1 }), { name: 'ArchiveQueryError' })
    await reopened.close()
  })

  it('makes a digest from the index, letting others have their turn, and refuses one that cannot be made', async archive => {
    await archive.append(Array.from({ length: 5000 }, (_, i) => envelope(NOON + i, i % 2 ? RED : BLUE, 1)))
    const wanted: DigestQuery = { ...ALL, salt: new Uint8Array(16), parts: 4, by: 'count' }
    const all = await readDigest(archive, wanted)
    assert.equal(
      all.parts.reduce((sum, { count }) => sum + count, 0),
      5000
    )
    assert.ok(all.turns > 0)
    const red = await readDigest(archive, { ...wanted, topics: [RED], parts: 1 })
    assert.deepEqual(
      red.parts.map(({ count }) => count),
      [2500]
    )
    for (const wrong of [
      { parts: 0 },
      { parts: 65 },
      { parts: 1.5 },
      { salt: new Uint8Array(15) },
      { lower: 2, upper: 1 }
    ])
      await assert.rejects(readDigest(archive, { ...wanted, ...wrong }), { name: 'ArchiveQueryError' })
    const signal = AbortSignal.abort(new Error('enough'))
    await assert.rejects(readDigest(archive, { ...wanted, signal }), /enough/)
  })

  it('is the same after it was closed and opened again', async (archive, open) => {
    const envelopes = Array.from({ length: 20 }, (_, i) => envelope(NOON + i * 30_000, i % 3 ? RED : BLUE, i))
    await archive.append(envelopes)
    await archive.prune(NOON + 90_000)
    const before = [await archive.stats(), await hashes(archive, { ...ALL, topics: [RED] }), toHex(archive.id)]
    await archive.close()
    const again = await open()
    assert.deepEqual([await again.stats(), await hashes(again, { ...ALL, topics: [RED] }), toHex(again.id)], before)
    assert.equal(again.id.length, 8)
    await again.close()
  })

  it('tells of what is appended before its appender knows, and of what is deleted before anything else is stored', async archive => {
    const said: string[] = []
    const unwatch = archive.watch({
      appended: (envelopes, outcomes) =>
        said.push(...envelopes.map(({ sent }, i) => `appended ${sent - NOON} ${outcomes[i]}`)),
      removed: before => said.push(`removed ${before - NOON}`)
    })
    const note = (text: string) => (): number => said.push(text)
    await archive.append([envelope(NOON, RED, 1), envelope(NOON + 1, RED, 2)]).then(note('known'))
    await archive.append([envelope(NOON + 1, RED, 2)]).then(note('known'))
    assert.deepEqual(said.splice(0), ['appended 0 stored', 'appended 1 stored', 'known', 'appended 1 known', 'known'])
    const again = archive.prune(NOON + 1).then(note('pruned'))
    const others = Array.from({ length: 30 }, (_, i) => archive.append([envelope(NOON + 2 + i, BLUE, i)]))
    await Promise.all([again, ...others])
    assert.ok(said.indexOf('removed 1') !== -1 && said.indexOf('removed 1') < said.indexOf('pruned'))
    unwatch()
    said.length = 0
    await archive.append([envelope(NOON, RED, 1)])
    await archive.prune(2 ** 32)
    assert.deepEqual(said, [])
  })

  it('stores again what was pruned, also while the prune is under way', async archive => {
    const old = Array.from({ length: 2500 }, (_, i) => envelopeAt(NOON, RED, Uint8Array.of(i >> 8, i)))
    await archive.append(old)
    const pruning = archive.prune(NOON + 1)
    for (let i = 0; i < 20; i++) await archive.append(old.slice(i * 100, i * 100 + 100))
    await pruning
    await archive.append(old)
    assert.equal((await archive.stats()).envelopes, 2500)
    assert.equal((await readPage(archive, ALL)).rows.length, 2500)
    assert.equal(await archive.prune(2 ** 32), 2500)
    assert.deepEqual(new Set(await archive.append(old)), new Set(['stored']))
    assert.equal((await readPage(archive, { ...ALL, topics: [RED] })).rows.length, 2500)
  })

  it('refuses a query that is out of range with a typed error', async archive => {
    const wrong = [
      { lower: -1 },
      { upper: 2 ** 32 },
      { lower: 2, upper: 1 },
      { limit: 0 },
      { limit: 1.5 },
      { maxBytes: -1 },
      { topics: [] },
      { topics: [new Uint8Array(3)] },
      { topics: Array.from({ length: 1001 }, () => RED) },
      { bloom: new Uint8Array(63) }
    ]
    for (const fields of wrong)
      await assert.rejects(
        readPage(archive, { ...ALL, ...fields }),
        { name: 'ArchiveQueryError' },
        JSON.stringify(fields)
      )
    await assert.rejects(readPage(archive, { ...ALL, cursor: new Uint8Array(35) }), { name: 'MalformedError' })
    for (const before of [-1, 0.5, 2 ** 32 + 1])
      await assert.rejects(archive.prune(before), { name: 'ArchiveQueryError' })
    for (const trim of [
      { before: 0.5 },
      { topics: [] },
      { topics: [RED], except: [BLUE] },
      { except: [new Uint8Array(3)] },
      { most: 0 },
      { envelopes: 0 },
      { bytes: Number.NaN }
    ])
      await assert.rejects(archive.trim({ before: 7, ...trim }), { name: 'ArchiveQueryError' }, JSON.stringify(trim))
    await assert.rejects(archive.size({ lower: 2, upper: 1 }), { name: 'ArchiveQueryError' })
    await assert.rejects(readSince(archive, 0, 0), { name: 'ArchiveQueryError' })
  })

  it('breaks off when its signal fires', async archive => {
    await archive.append(Array.from({ length: 1200 }, (_, i) => envelope(NOON + i, RED, 1)))
    const aborted = AbortSignal.abort(new Error('enough'))
    const queries = [ALL, { ...ALL, topics: [RED] }, { ...ALL, bloom: topicBloom(RED) }]
    for (const query of queries) {
      await assert.rejects(readPage(archive, { ...query, signal: aborted }), /enough/)
      const controller = new AbortController()
      const slices = archive.query({ ...query, signal: controller.signal })
      assert.equal((await slices.next()).done, false)
      controller.abort(new Error('enough'))
      await assert.rejects(slices.next(), /enough/)
    }
    await assert.rejects(archive.sequence({ ...ALL, after: 0, signal: aborted }).next(), /enough/)
    await assert.rejects(archive.prune(NOON + 10, { signal: aborted }), /enough/)
    assert.equal((await archive.stats()).envelopes, 1200)
  })

  it('finishes accepted appends when it is closed, and then refuses everything', async (archive, open) => {
    await archive.append(Array.from({ length: 600 }, (_, i) => envelope(NOON + i, RED, 1)))
    const walking = archive.query(ALL)
    await walking.next()
    const accepted = [1, 2, 3].map(i => archive.append([envelope(NOON + 1000, BLUE, i)]))
    await archive.close()
    assert.deepEqual(await Promise.all(accepted), [['stored'], ['stored'], ['stored']])
    const closed = { name: 'ArchiveClosedError' }
    await assert.rejects(walking.next(), closed)
    await assert.rejects(archive.append([envelope(NOON, RED, 1)]), closed)
    await assert.rejects(readPage(archive, ALL), closed)
    await assert.rejects(readSince(archive, 0, 1), closed)
    await assert.rejects(archive.prune(1), closed)
    await assert.rejects(archive.trim({ before: 1 }), closed)
    await assert.rejects(archive.size(ALL), closed)
    await assert.rejects(archive.stats(), closed)
    await archive.close()
    const again = await open()
    assert.equal((await again.stats()).envelopes, 603)
    await again.close()
  })

  for (const seed of options.seeds) {
    const cases = Math.ceil(options.cases / options.seeds.length)
    test(`${name}: answers ${cases} random queries as a naive model does, seed ${seed} [MAIL-03] [D-04] [D-07] [D-08]`, async t => {
      const open = await makeStore(t)
      const compared = await compareWithModel(open, seed, cases)
      t.diagnostic(`seed ${seed}: ${JSON.stringify(compared)}`)
      assert(compared.pages >= cases && compared.continued > cases / 10)
    })
  }
}

function envelope(sent: number, topic: Uint8Array, size: number): Envelope {
  return envelopeAt(sent, topic, new Uint8Array(size).fill(size & 0xff))
}

async function hashes(archive: Archive, query: Parameters<Archive['query']>[0]): Promise<string[]> {
  return (await readPage(archive, query)).rows.map(row => toHex(row.hash))
}

async function sentOf(archive: Archive, query: Parameters<Archive['query']>[0]): Promise<number[]> {
  return (await readPage(archive, query)).rows.map(row => row.sent)
}
