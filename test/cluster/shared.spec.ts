import assert from 'node:assert/strict'
import { after, test } from 'node:test'
import type { Archive } from '../../src/archive/archive.js'
import { MAX_UINT32, toHex } from '../../src/wire/bytes.js'
import type { Envelope } from '../../src/wire/envelope/envelope.js'
import { topicFromNumber } from '../../src/wire/envelope/topic.js'
import { readPage, readSequence } from '../archive/comparison.js'
import { byTimeAndHash } from '../archive/model.js'
import { envelopeAt } from '../archive/traffic.js'
import { closeOpened, newKeyspace, oneNode, openArchive } from './archive-of.js'

const cluster = await oneNode()
after(closeOpened)
after(() => cluster.stop())

const NOON = 1_600_041_600
const ALL = { lower: 0, upper: MAX_UINT32, limit: Number.POSITIVE_INFINITY }

const envelopes = (count: number, from = 0): Envelope[] =>
  Array.from({ length: count }, (_, i) => {
    const n = from + i
    return envelopeAt(NOON + n, topicFromNumber(n % 7), Uint8Array.of(n >> 8, n))
  })

const hashesOf = (list: readonly { hash: Uint8Array }[]): string[] => list.map(({ hash }) => toHex(hash)).sort()

async function assertSound(archive: Archive): Promise<void> {
  const { damaged, missing, index, countsWrong } = await archive.verify()
  assert.deepEqual({ damaged, missing, index, countsWrong }, { damaged: 0, missing: 0, index: 0, countsWrong: false })
}

test('several daemons store into one archive: each envelope once, and no order of ingest misses one', async () => {
  const keyspace = newKeyspace()
  const a = await openArchive(cluster, { keyspace, daemon: 'a' })
  const b = await openArchive(cluster, { keyspace, daemon: 'b' })
  assert.equal(toHex(a.id), toHex(b.id))
  const all = envelopes(300)
  let storing = true
  const outcomes: string[][] = []
  const store = async (archive: Archive, list: readonly Envelope[]): Promise<void> => {
    for (let at = 0; at < list.length; at += 20) outcomes.push(await archive.append(list.slice(at, at + 20)))
  }
  // who follows the order of ingest while both store
  const followed = (async () => {
    const seen: string[] = []
    for (let seq = 0, last = false; ; ) {
      last = !storing
      const { rows, end } = await readSequence(b, { ...ALL, after: seq })
      seen.push(...rows.map(({ hash }) => toHex(hash)))
      seq = end.seq
      if (last && !end.more) return seen
    }
  })()
  await Promise.all([store(a, all), store(b, [...all].reverse())])
  storing = false
  assert.equal(outcomes.flat().filter(outcome => outcome === 'stored').length, 300)
  assert.deepEqual((await followed).sort(), hashesOf(all))
  const { envelopes: count, lastSeq, topics } = await b.stats()
  assert.deepEqual([count, lastSeq, topics], [300, 300, 7])
  await assertSound(a)

  // a walk goes from one to the other with the same cursor
  const walked: string[] = []
  let cursor: Uint8Array | undefined
  for (let pages = 0; ; pages++) {
    const page = await readPage(pages % 2 === 0 ? a : b, { ...ALL, limit: 70, cursor })
    walked.push(...page.rows.map(({ hash }) => toHex(hash)))
    cursor = page.cursor
    if (cursor === undefined) break
  }
  assert.deepEqual(
    walked,
    [...all].sort(byTimeAndHash).map(({ hashHex }) => hashHex)
  )

  // both delete at once: what one deleted the other does not find
  const removed = await Promise.all([a.prune(NOON + 200), b.prune(NOON + 200)])
  assert.equal(removed[0] + removed[1], 200)
  assert.equal((await a.stats()).envelopes, 100)
  await assertSound(b)
  await Promise.all([a.close(), b.close()])
})

test('clocks that are a minute apart lose nothing: what was deleted by the one ahead is stored again by the one behind', async () => {
  const keyspace = newKeyspace()
  const clock = (by: number) => () => Date.now() / 1000 + by
  const ahead = await openArchive(cluster, { keyspace, daemon: 'ahead', now: clock(60) })
  const behind = await openArchive(cluster, { keyspace, daemon: 'behind', now: clock(-60) })
  const list = envelopes(10)
  await ahead.append(list)
  assert.equal(await ahead.prune(2 ** 32), 10)
  assert.deepEqual(
    await behind.append(list),
    list.map(() => 'stored')
  )
  assert.equal(await behind.prune(NOON + 5), 5)
  assert.equal((await readPage(ahead, ALL)).rows.length, 5)
  assert.deepEqual(new Set(await ahead.append(list)), new Set(['stored', 'known']))
  assert.equal((await readPage(behind, ALL)).rows.length, 10)
  await assertSound(ahead)
  await Promise.all([ahead.close(), behind.close()])
})

test('an archive lacks only what was sent while no daemon was there', async () => {
  const keyspace = newKeyspace()
  const begun = NOON
  const a = await openArchive(cluster, { keyspace, daemon: 'a', now: () => begun })
  const b = await openArchive(cluster, { keyspace, daemon: 'b', now: () => begun })
  await a.attend(begun + 10_000)
  await b.attend(begun + 20_000)
  // a was away twice, and b for a part of the second time
  await a.addGap({ from: begun + 1000, until: begun + 2000, kind: 0, count: 0 })
  await a.addGap({ from: begun + 5000, until: begun + 6000, kind: 0, count: 0 })
  await b.addGap({ from: begun + 5500, until: begun + 7000, kind: 1, count: 0 })
  for (const archive of [a, b]) {
    const { gaps } = await archive.coverage(ALL)
    assert.deepEqual(
      gaps.map(({ from, until }) => [from - begun, until - begun]),
      [
        [5500, 6000],
        [5500, 6000]
      ],
      'as both say'
    )
  }
  // a third one comes when both are long gone
  const c = await openArchive(cluster, { keyspace, daemon: 'c', now: () => begun + 50_000 })
  await c.attend(begun + 50_001)
  const { gaps } = await c.coverage({ lower: begun + 15_000, upper: MAX_UINT32 })
  assert.deepEqual(gaps, [{ from: begun + 20_000, until: begun + 50_000, kind: 0, count: 0 }])
  await Promise.all([a.close(), b.close(), c.close()])
})

test('a change that breaks off anywhere is undone or carried out by the next one, whoever makes it', async () => {
  const keyspace = newKeyspace()
  let fails = -1
  const faulty = await openArchive(cluster, {
    keyspace,
    daemon: 'faulty',
    onStatement: cql => {
      if (/^(INSERT|DELETE|UPDATE)/.test(cql) && fails-- === 0) throw new Error('broken off')
    }
  })
  const sound = await openArchive(cluster, { keyspace, daemon: 'sound' })
  const kept = envelopes(5)
  await sound.append(kept)
  let expected = 5
  for (const at of [1, 2, 4, 7, 9]) {
    const list = envelopes(6, 100 * (at + 1))
    fails = at
    await assert.rejects(faulty.append(list), { name: 'ArchiveError' })
    fails = -1
    await assertSound(sound)
    // nothing of it was confirmed, and all of it can be stored
    assert.deepEqual(
      await (at % 2 === 0 ? sound : faulty).append(list),
      list.map(() => 'stored')
    )
    expected += 6
    assert.equal((await sound.stats()).envelopes, expected)
    assert.equal((await readPage(sound, ALL)).rows.length, expected)
  }
  const { rows, end } = await readSequence(sound, { ...ALL, after: 0 })
  assert.equal(rows.length, expected)
  assert.equal(end.more, false)
  for (const at of [3, 5]) {
    fails = at
    await assert.rejects(faulty.prune(NOON + 100 * (at + 1)), { name: 'ArchiveError' })
    fails = -1
    await sound.prune(NOON + 100 * (at + 1))
    await assertSound(sound)
    const { envelopes: count } = await sound.stats()
    assert.equal((await readPage(faulty, ALL)).rows.length, count)
  }
  await Promise.all([faulty.close(), sound.close()])
})
