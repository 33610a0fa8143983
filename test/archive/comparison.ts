import assert from 'node:assert/strict'
import type {
  Archive,
  ArchiveQuery,
  ArchiveRow,
  DigestQuery,
  SequencedRow,
  SequenceEnd,
  SequenceQuery
} from '../../src/archive/archive.js'
import { comparePositions, type Position } from '../../src/archive/position.js'
import { compareBytes, MAX_UINT32, toHex } from '../../src/wire/bytes.js'
import { decodeEnvelope, type Envelope } from '../../src/wire/envelope/envelope.js'
import { decodeCursor } from '../../src/wire/request/cursor.js'
import { type DigestPart, equalTimes, hashesPerPart } from '../../src/wire/request/digest.js'
import { Fingerprint } from '../../src/wire/request/fingerprint.js'
import { byTimeAndHash, Model, matches } from './model.js'
import { Prng } from './prng.js'
import { World } from './world.js'

/** How much a comparison covered. */
export interface Compared {
  pages: number
  /** Pages that had a successor. */
  continued: number
  rows: number
  /** Rows of the longest page. */
  longest: number
}

/** Opens the archive under test: the same one again after `close()`. */
export type Open = () => Promise<Archive>

export interface Page {
  rows: ArchiveRow[]
  cursor: Uint8Array | undefined
}

/** Reads a whole page and checks what holds for every slice of any. */
export async function readPage(archive: Archive, query: ArchiveQuery): Promise<Page> {
  const rows: ArchiveRow[] = []
  const slices = archive.query(query)
  let last: Position | undefined = query.cursor && decodeCursor(query.cursor)
  for (;;) {
    const { done, value } = await slices.next()
    if (done === true) return { rows, cursor: value.cursor }
    assert(value.length <= 1000, 'a slice has some hundred rows at most')
    for (const row of value) {
      assert(last === undefined || comparePositions(row, last) > 0, 'each row lies strictly after the one before')
      last = row
    }
    rows.push(...value)
  }
}

const EVERYTHING = { lower: 0, upper: MAX_UINT32 }

/** Reads a page in ingest order and checks that it is one. */
export async function readSequence(
  archive: Archive,
  query: SequenceQuery
): Promise<{ rows: SequencedRow[]; end: SequenceEnd }> {
  const rows: SequencedRow[] = []
  const slices = archive.sequence(query)
  for (;;) {
    const { done, value } = await slices.next()
    if (done === true) return { rows, end: value }
    assert(value.length <= 1000, 'a slice has some hundred rows at most')
    for (const row of value) {
      assert(row.seq > (rows.at(-1)?.seq ?? query.after), 'sequence numbers ascend')
      rows.push(row)
    }
  }
}

/** All that was stored after a number, whatever it is. */
export async function readSince(archive: Archive, after: number, limit: number): Promise<SequencedRow[]> {
  return (await readSequence(archive, { ...EVERYTHING, after, limit })).rows
}

/** Makes a digest, and says how often it let others have their turn. */
export async function readDigest(
  archive: Archive,
  query: DigestQuery
): Promise<{ parts: DigestPart[]; turns: number }> {
  const steps = archive.digest(query)
  for (let turns = 0; ; turns++) {
    const { done, value } = await steps.next()
    if (done === true) return { parts: value, turns }
  }
}

/** One page beside what the model says, to the last byte. */
export async function assertSamePage(archive: Archive, model: Model, query: ArchiveQuery): Promise<Page> {
  const page = await readPage(archive, query)
  const expected = model.query(query)
  assert.deepEqual(
    page.rows.map(({ sent, hash }) => `${sent} ${toHex(hash)}`),
    expected.rows.map(({ sent, hashHex }) => `${sent} ${hashHex}`),
    'the same envelopes in the same order'
  )
  page.rows.forEach(({ raw }, i) => {
    assert.equal(Buffer.compare(raw, (expected.rows[i] as Envelope).raw), 0, 'the very bytes that were appended')
  })
  assert.equal(hexOrNone(page.cursor), hexOrNone(expected.cursor), 'a cursor exactly when more exists')
  return page
}

/**
 * Does random things to an archive and to the model, and compares what both say. Resolves with what was compared.
 * @throws AssertionError at the first difference
 */
export async function compareWithModel(open: Open, seed: number, cases: number): Promise<Compared> {
  const world = new World(new Prng(seed))
  const { prng } = world
  const model = new Model()
  let archive = await open()
  const { id } = archive
  const rounds = Math.max(4, Math.ceil(cases / 500))
  const compared: Compared = { pages: 0, continued: 0, rows: 0, longest: 0 }
  for (let round = 0; round < rounds; round++) {
    for (let i = 0; i < 3; i++) {
      const batch = world.batch(prng.pick([0, 1, prng.below(50), prng.below(200)]))
      assert.deepEqual(await archive.append(batch), model.append(batch), 'the outcome of each envelope')
    }
    await changeTogether(archive, model, world)
    if (prng.chance(0.3)) {
      const before = world.pruneBound()
      const old = model.envelopes.filter(({ sent }) => sent < before)
      assert.equal(await archive.prune(before), model.prune(before), 'how many were pruned')
      const back = old.filter(() => prng.chance(0.2))
      assert.deepEqual(await archive.append(back), model.append(back), 'what was pruned is stored again')
    }
    if (prng.chance(0.5)) {
      const trim = world.trim()
      assert.deepEqual(await archive.trim(trim), model.trim(trim), 'what a trim deletes, and how far it came')
    }
    if (prng.chance(0.3)) {
      await archive.close()
      archive = await open()
      assert.equal(toHex(archive.id), toHex(id), 'the archive keeps its id')
    }
    await compareBesides(archive, model, world)
    const wanted = Math.ceil((cases * (round + 1)) / rounds)
    while (compared.pages < wanted) await compareWalk(archive, model, world, compared)
  }
  await archive.close()
  return compared
}

/** A query, and sometimes all the pages that follow it. */
async function compareWalk(archive: Archive, model: Model, world: World, compared: Compared): Promise<void> {
  const query = world.query()
  for (let most = world.prng.chance(0.2) ? 20 : 1; most > 0; most--) {
    const { rows, cursor } = await assertSamePage(archive, model, query)
    compared.pages++
    compared.rows += rows.length
    compared.longest = Math.max(compared.longest, rows.length)
    if (cursor === undefined) return
    compared.continued++
    query.cursor = cursor
  }
}

async function compareBesides(archive: Archive, model: Model, world: World): Promise<void> {
  const { prng } = world
  const stats = await archive.stats()
  assert.deepEqual({ oldest: undefined, newest: undefined, ...stats }, model.stats, 'the counts')
  for (let i = 0; i < 5; i++) {
    const { cursor, ...filter } = world.query()
    assert.deepEqual(await archive.size(filter), model.size(filter), 'how much that is')
    assert.equal((await archive.coverage(filter)).oldest, model.oldest(filter), 'what may be gone of it')
    await compareSequence(archive, model, { ...filter, after: prng.below(model.lastSeq + 1) })
    await compareDigest(archive, model, {
      ...filter,
      salt: prng.bytes(16),
      parts: prng.pick([1, prng.between(1, 64)]),
      by: prng.pick(['time', 'count'])
    })
  }
  const beyond = { ...EVERYTHING, after: model.lastSeq + 1, limit: 1 }
  await assert.rejects(readSequence(archive, beyond), { name: 'ArchiveQueryError' })
}

/** A page in ingest order, and sometimes all that follow it. */
async function compareSequence(archive: Archive, model: Model, query: SequenceQuery): Promise<void> {
  const print = ({ seq, raw }: { seq: number; raw: Uint8Array }): string => `${seq} ${toHex(raw.subarray(0, 100))}`
  for (let next = query, most = 10; most > 0; most--) {
    const { rows, end } = await readSequence(archive, next)
    const expected = model.sequence(next)
    assert.deepEqual(rows.map(print), expected.rows.map(print), 'the same in the order of ingest')
    assert.deepEqual(end, expected.end, 'the same end, one before what comes next')
    if (!end.more) return
    next = { ...next, after: end.seq }
  }
}

async function compareDigest(archive: Archive, model: Model, query: DigestQuery): Promise<void> {
  const { lower, upper, parts: count, salt, by } = query
  const { parts } = await readDigest(archive, query)
  const matching = model.matching(query)
  assert.equal(parts[0]?.lower, lower, 'the parts begin where the range does')
  assert.equal(parts.at(-1)?.upper, upper, 'and end where it ends')
  if (by === 'time')
    assert.deepEqual(
      parts.map(part => part.upper),
      equalTimes(lower, upper, count)
    )
  parts.forEach((part, i) => {
    if (i > 0) assert.equal(part.lower, (parts[i - 1] as DigestPart).upper + 1, 'without a gap')
    const members = matching.filter(({ sent }) => sent >= part.lower && sent <= part.upper).map(({ hash }) => hash)
    assert.equal(part.count, members.length)
    const few = members.length <= hashesPerPart(count)
    assert.equal(part.hashes !== undefined, few, 'hashes exactly when they are few')
    const sum = new Fingerprint(salt)
    for (const hash of members) sum.add(hash)
    if (few) assert.deepEqual(part.hashes?.map(toHex), members.sort(compareBytes).map(toHex))
    else assert.deepEqual(part.fingerprint, sum.bytes)
  })
  assert(parts.length <= count)
  // a second holds what it holds
  const most = Math.max(...parts.map(part => part.count))
  if (by === 'count' && matching.length > 0 && upper - lower < 4096)
    assert(most <= Math.ceil(matching.length / count) + crowd(matching), 'about equally many')
}

/** Most envelopes of one second. */
function crowd(envelopes: readonly Envelope[]): number {
  const counts = new Map<number, number>()
  for (const { sent } of envelopes) counts.set(sent, (counts.get(sent) ?? 0) + 1)
  return Math.max(...counts.values())
}

/**
 * Appends that overlap, a prune and a walk in pages, all at once; then what each of them promises, and the model brought to
 * the same state.
 */
async function changeTogether(archive: Archive, model: Model, world: World): Promise<void> {
  const { prng } = world
  const batches = Array.from({ length: 3 }, () => world.batch(prng.below(60)))
  batches.push(prng.pick(batches).slice())
  const before = prng.chance(0.2) ? world.pruneBound() : 0
  const { lower, upper, topics, bloom, limit } = world.query()
  const query: ArchiveQuery = { lower, upper, topics, bloom, limit: Math.max(limit, 50) }
  const stored = model.envelopes
  const [outcomes, pruned, walked] = await Promise.all([
    Promise.all(batches.map(batch => archive.append(batch))),
    archive.prune(before),
    walk(archive, query)
  ])
  assertPagingPromises(walked, query, stored, batches.flat(), before)

  // Which of two appends of the same envelope came first is not said, and neither is whether the prune came before.
  const storedTimes = new Map<string, number>()
  batches.flat().forEach((envelope, i) => {
    if (outcomes.flat()[i] === 'stored') storedTimes.set(envelope.hashHex, (storedTimes.get(envelope.hashHex) ?? 0) + 1)
  })
  for (const envelope of batches.flat()) {
    const times = storedTimes.get(envelope.hashHex) ?? 0
    if (envelope.sent < before) assert(times <= 2, 'stored before and after the prune at most')
    else assert.equal(times, model.has(envelope) ? 0 : 1, 'one of several appends of an envelope stores it')
  }
  await adopt(archive, model, stored, batches.flat(), before, pruned)
}

async function walk(archive: Archive, query: ArchiveQuery): Promise<ArchiveRow[]> {
  const rows: ArchiveRow[] = []
  let next: ArchiveQuery | undefined = query
  while (next !== undefined) {
    const page = await readPage(archive, next)
    rows.push(...page.rows)
    next = page.cursor === undefined ? undefined : { ...query, cursor: page.cursor }
  }
  return rows
}

function assertPagingPromises(
  walked: ArchiveRow[],
  query: ArchiveQuery,
  stored: Envelope[],
  appended: Envelope[],
  before: number
): void {
  const envelopes = walked.map(({ raw }) => decodeEnvelope(raw))
  for (const [i, envelope] of envelopes.entries())
    assert(i === 0 || byTimeAndHash(envelopes[i - 1] as Envelope, envelope) < 0, 'ascending, and none twice')
  const seen = new Set(envelopes.map(({ hashHex }) => hashHex))
  const possible = new Set([...stored, ...appended].map(({ hashHex }) => hashHex))
  for (const envelope of envelopes) {
    assert(matches(query, envelope), 'only what was asked for')
    assert(possible.has(envelope.hashHex), 'only what was stored')
  }
  for (const envelope of stored)
    if (matches(query, envelope) && envelope.sent >= before)
      assert(seen.has(envelope.hashHex), 'all that was there before and after the walk')
}

/** Checks what is there after changes whose order is open, and takes it over into the model. */
async function adopt(
  archive: Archive,
  model: Model,
  stored: Envelope[],
  appended: Envelope[],
  before: number,
  pruned: number
): Promise<void> {
  const sequence = await readSince(archive, model.lastSeq, Number.POSITIVE_INFINITY)
  const lastSeq = (await archive.stats()).lastSeq
  const old = stored.filter(({ sent }) => sent < before)
  model.prune(before)
  model.adopt(sequence, lastSeq)
  for (const envelope of appended)
    if (envelope.sent >= before) assert(model.has(envelope), 'everything appended and not pruned is there')
  assert(pruned >= old.length, 'everything that was there before the prune is gone')
}

function hexOrNone(bytes: Uint8Array | undefined): string {
  return bytes === undefined ? 'none' : toHex(bytes)
}
