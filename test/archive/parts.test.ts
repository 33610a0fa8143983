import assert from 'node:assert/strict'
import { type TestContext, test } from 'node:test'
import type { ArchiveQuery } from '../../src/archive/archive.js'
import type { LevelIterator, LevelStore } from '../../src/archive/database/level-store.js'
import { rootMessage } from '../../src/archive/errors.js'
import { LevelArchive } from '../../src/archive/level/level-archive.js'
import * as layout from '../../src/archive/level/level-layout.js'
import { MAX_UINT32, toHex } from '../../src/wire/bytes.js'
import { bloomOf, fullBloom } from '../../src/wire/envelope/bloom.js'
import type { Envelope } from '../../src/wire/envelope/envelope.js'
import { topicFromNumber } from '../../src/wire/envelope/topic.js'
import { assertSamePage, readPage } from './comparison.js'
import { byTimeAndHash, Model, matches } from './model.js'
import { PassingStore } from './passing-store.js'
import { Prng } from './prng.js'
import { temporaryLevel } from './temporary.js'
import { envelopeAt } from './traffic.js'

// A page is read in parts, each of which is checked while the next is read: what happens between two of them, and at their edges.

const START = 1_600_041_600
const COUNT = 2600
const ALL = { lower: 0, upper: MAX_UINT32, limit: 1000 }
/** The last four set few bits, or the same ones. */
const TOPICS = [
  ...Array.from({ length: 300 }, (_, i) => Uint8Array.of(i, 7 * i, i >>> 8, i & 7)),
  ...[0x00010200, 0, 0xffff_ffff, 0x0a0b_0c00].map(topicFromNumber)
]

/** Begins something before each read of an iterator but its first, and counts those that are open. */
class Meddler extends PassingStore {
  open = 0
  between = (): void => {}

  override iterator: LevelStore['iterator'] = options => {
    const iterator = this.inner.iterator(options)
    let reads = 0
    this.open++
    const meddling: LevelIterator = {
      nextv: async size => {
        if (reads++ > 0) this.between()
        return iterator.nextv(size)
      },
      seek: target => iterator.seek(target),
      close: async () => {
        this.open--
        await iterator.close()
      }
    }
    return meddling
  }
}

async function filled(t: TestContext, seed: number) {
  const prng = new Prng(seed)
  const store = new Meddler(await temporaryLevel(t))
  const archive = await LevelArchive.open({ db: store, blockSize: 512 })
  t.after(() => archive.close())
  const model = new Model()
  let made = 0
  const envelope = (): Envelope => {
    const mark = Uint8Array.of(made >>> 8, made++)
    const data = prng.chance(0.01) ? new Uint8Array(prng.between(10_000, 60_000)) : new Uint8Array(2 + prng.below(200))
    data.set(mark)
    return envelopeAt(START + prng.below(COUNT), prng.pick(TOPICS), data, 3)
  }
  for (let from = 0; from < COUNT; from += 100) {
    const batch = Array.from({ length: 100 }, envelope)
    await archive.append(batch)
    model.append(batch)
  }
  const filters: Pick<ArchiveQuery, 'topics' | 'bloom'>[] = [
    {},
    { bloom: fullBloom() },
    { bloom: new Uint8Array(64) },
    { bloom: bloomOf(TOPICS.slice(0, 280)) },
    { bloom: bloomOf(TOPICS.slice(100, 180)) },
    { topics: TOPICS.slice(0, 290) },
    { topics: TOPICS.slice(290) }
  ]
  const query = (): ArchiveQuery => ({
    lower: START + prng.below(COUNT / 3),
    upper: START + COUNT - prng.below(COUNT / 3),
    ...prng.pick(filters),
    limit: prng.pick([254, 255, 256, 257, 511, 512, 513, 767, 768, 1000, 1023, 1024, 1025, prng.between(1, 1500)]),
    maxBytes: prng.chance(0.4) ? prng.pick([prng.below(60_000), prng.below(300_000), 512 * 1024]) : undefined
  })
  return { prng, store, archive, model, envelope, query }
}

test('pages of any number of rows and bytes, one after the other, are those of the model', async t => {
  const { archive, model, query } = await filled(t, 1)
  for (let i = 0; i < 30; i++) {
    const next = query()
    do next.cursor = (await assertSamePage(archive, model, next)).cursor
    while (next.cursor !== undefined)
  }
})

test('what is stored or pruned between two parts of a page is in it or not: all else is, once, in order', async t => {
  const { prng, store, archive, model, envelope, query } = await filled(t, 2)
  let meddled = 0
  for (let i = 0; i < 40; i++) {
    const [late, pruned] = [[] as Envelope[], prng.chance(0.2) ? START + prng.below(300) : 0]
    const before = model.envelopes
    let changes: Promise<unknown> = Promise.resolve()
    store.between = () => {
      store.between = () => {}
      meddled++
      late.push(...Array.from({ length: 5 }, envelope))
      // who waited for them here might wait for itself: some reads have their turn among writes
      changes = Promise.all([archive.append(late), pruned > 0 ? archive.prune(pruned) : undefined])
    }
    const asked = query()
    const rows: string[] = []
    let cursor: Uint8Array | undefined
    do {
      const page = await readPage(archive, { ...asked, cursor })
      rows.push(...page.rows.map(({ hash }) => toHex(hash)))
      cursor = page.cursor
    } while (cursor !== undefined)
    store.between = () => {}
    await changes
    model.append(late)
    const possible = [...before, ...late].filter(envelope => matches(asked, envelope)).sort(byTimeAndHash)
    const certain = before.filter(envelope => matches(asked, envelope) && envelope.sent >= pruned)
    assert.deepEqual(
      rows,
      possible.flatMap(({ hashHex }) => (rows.includes(hashHex) ? [hashHex] : [])),
      'in order, and none twice'
    )
    for (const { hashHex } of certain) assert(rows.includes(hashHex), 'all that was there')
    if (pruned > 0 && late.length > 0) {
      await archive.prune(pruned)
      model.prune(pruned)
    }
  }
  assert(meddled > 15, `${meddled} pages`)
})

test('a row that is damaged at the edge of a part is left out and told, and nothing else', async t => {
  const { prng, store, archive, model } = await filled(t, 3)
  const all = model.envelopes
  for (const edge of [0, 249, 250, 251, 255, 256, 257, 499, 500, 501, 511, 512, 513, 749, 750, 751, 999, 1000, 1001]) {
    const { sent, hash, topicNumber: topic, hashHex } = all[edge] as Envelope
    const key = layout.envelopeKey({ sent, hash, topic })
    const [sound] = (await store.getMany([key])) as [Uint8Array]
    const changed = Uint8Array.from(sound)
    const at = prng.below(changed.length)
    changed[at] = (changed[at] as number) ^ prng.between(1, 255)
    await store.batch([{ type: 'put', key, value: changed }], { sync: false })
    for (const filter of [{}, { bloom: bloomOf(TOPICS) }, { topics: TOPICS }]) {
      const rows: string[] = []
      const slices = archive.query({ ...ALL, ...filter })
      let step = await slices.next()
      for (; step.done !== true; step = await slices.next()) rows.push(...step.value.map(({ hash }) => toHex(hash)))
      const rest = all.filter(envelope => envelope.hashHex !== hashHex && matches({ ...ALL, ...filter }, envelope))
      assert.deepEqual(
        rows,
        rest.slice(0, 1000).map(({ hashHex }) => hashHex)
      )
      // what lies behind the last row is of the next page
      assert.equal(step.value.damaged, edge < 1000 ? 1 : undefined, `row ${edge}, changed at ${at}`)
    }
    await store.batch([{ type: 'put', key, value: sound }], { sync: false })
  }
})

test('a page that is given up between two parts, or fails there, leaves nothing open', async t => {
  const { prng, store, archive, query } = await filled(t, 4)
  let aborted = 0
  for (let i = 0; i < 40; i++) {
    const stop = new AbortController()
    const part = prng.below(4)
    let parts = 0
    store.between = () => {
      if (parts++ !== part) return
      const reason = new Error('given up')
      if (prng.chance(0.5)) throw reason
      stop.abort(reason)
    }
    const slices = archive.query({ ...query(), limit: 1500, signal: stop.signal })
    try {
      const step = await slices.next()
      if (step.done !== true) await slices.return({})
    } catch (error) {
      assert.equal(rootMessage(error as Error), 'given up')
      aborted++
    }
    assert.equal(store.open, 0)
  }
  assert(aborted > 3, `${aborted} were given up`)
})
