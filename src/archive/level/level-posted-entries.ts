import type { CheckedFilter } from '../checked-query.js'
import { ArchiveDamagedError } from '../errors.js'
import { pieceOfWork } from '../page.js'
import type { TopicFloors } from '../topic-floors.js'
import type { Blocks, FinishedBlock } from './level-blocks.js'
import type { Counted } from './level-day-tally.js'
import * as layout from './level-layout.js'
import { entriesBetween, groupsOf, type Numbered } from './level-posting.js'
import { beyondEnd, getCertain, readThrough } from './level-reader.js'
import { readRow, rowSeq } from './level-row.js'
import type { IngestTail } from './level-tail.js'

/** More topics than this are looked for in whole blocks. */
const MAX_TOPICS = 1024
/** Envelopes read, or looked for, at once. */
const READ = 1000
/** Entries in memory that are taken at once. */
const MAX_NAMED = 8192

/** Which topics are meant: these, or those that pass. */
export type MeantTopics = readonly number[] | ((topic: number) => boolean)

export interface PostedParts extends Counted {
  blocks: Blocks
  floors: () => TopicFloors
}

export function acceptsTopic(topics: MeantTopics): (topic: number) => boolean {
  if (typeof topics === 'function') return topics
  const set = new Set(topics)
  return topic => set.has(topic)
}

type Range = Pick<CheckedFilter, 'lower' | 'upper'>
type Postings = { topic: number; posting: Uint8Array }[]

/**
 * Takes the entries of what matches, each once and in any order, out of the postings of the order of ingest and the end in memory. Of a block
 * of which something is not as it was written the envelopes themselves tell. Yields after each piece of work.
 * @throws ArchiveDamagedError where what matches cannot be told
 */
export async function* postedEntries(
  parts: PostedParts,
  { lower, upper }: Range,
  topics: MeantTopics,
  take: (entry: layout.Entry) => void
): AsyncGenerator<void, void> {
  const { blocks, rows } = parts
  const accepts = acceptsTopic(topics)
  const finished = blocks.finishedOf(lower, upper)
  // at the same moment: a block that is finished meanwhile is in here
  const end = blocks.tail.isWhole ? endOf(blocks.tail, topics) : undefined
  if (finished === undefined || end === undefined) {
    yield* scanned(parts, { lower, upper }, ({ topic }) => accepts(topic), take)
    return
  }
  const taking = new Taking(parts, { lower, upper }, take)
  for await (const { group, postings, unsound } of ofBlocks(blocks, finished, topics)) {
    yield
    if (unsound > 0) {
      // for who looks after the files
      rows.disorder(`blocks ${group.map(({ block }) => block).join()}`, unsound)
      // all of them at once: of what came mixed each is of nearly all times
      const numbers = new Set(group.map(({ block }) => block))
      const range = {
        lower: Math.max(lower, Math.min(...group.map(({ oldest }) => oldest))),
        upper: Math.min(upper, Math.max(...group.map(({ newest }) => newest)))
      }
      yield* scanned(parts, range, ({ topic, seq }) => accepts(topic) && numbers.has(blocks.of(seq)), take, true)
      continue
    }
    let piece = pieceOfWork()
    for (const [i, ofBlock] of postings.entries()) {
      const before = blocks.before((group[i] as FinishedBlock).block)
      for (const { topic, posting } of ofBlock) {
        if (!accepts(topic)) continue
        for (const some of entriesBetween(posting, { before, topic }, { lower, upper })) {
          taking.all(some)
          if (taking.isDue) await taking.settle()
          if (!piece.over) continue
          yield
          piece = pieceOfWork()
        }
      }
    }
    await taking.settle()
  }
  taking.all(end.named)
  for (let from = 0; from < end.run.length; from += READ * layout.RUN_ENTRY_BYTES) {
    const run = end.run.subarray(from, from + READ * layout.RUN_ENTRY_BYTES)
    const first = end.first + from / layout.RUN_ENTRY_BYTES
    const entries = (layout.decodeRun(run) ?? []).map((entry, i) => ({ ...entry, seq: first + i }))
    taking.all(entries.filter(entry => !layout.isDropped(entry) && accepts(entry.topic)))
    if (taking.isDue) await taking.settle()
    yield
  }
  await taking.settle()
}

interface End {
  named: Numbered[]
  /** To be looked through, from a number on. */
  first: number
  run: Uint8Array
}

/** What is in memory: of topics that have little of it, just that. */
function endOf(tail: IngestTail, topics: MeantTopics): End {
  if (typeof topics === 'function' || tail.countOf(topics) > MAX_NAMED) return { named: [], ...tail.copy() }
  const room = { rows: MAX_NAMED, bytes: Number.POSITIVE_INFINITY }
  return { named: tail.take(0, { topics, accepts: () => true }, room), first: 0, run: new Uint8Array(0) }
}

/** Tells what is there of what the order of ingest names. */
class Taking {
  readonly #parts: PostedParts
  readonly #range: Range
  readonly #take: (entry: layout.Entry) => void
  /** What may have been pruned, or have another number. */
  #doubtful: Numbered[] = []

  constructor(parts: PostedParts, range: Range, take: (entry: layout.Entry) => void) {
    this.#parts = parts
    this.#range = range
    this.#take = take
  }

  all(entries: readonly Numbered[]): void {
    const { lower, upper } = this.#range
    const { renewed } = this.#parts.blocks
    const floors = this.#parts.floors()
    for (const entry of entries) {
      const { sent, topic, hash } = entry
      if (sent < lower || sent > upper) continue
      if (floors.include(sent, topic) || renewed.include(hash)) this.#doubtful.push(entry)
      else this.#take(entry)
    }
  }

  /** Enough are in doubt to be looked for together. */
  get isDue(): boolean {
    return this.#doubtful.length >= READ
  }

  async settle(): Promise<void> {
    const doubtful = this.#doubtful
    this.#doubtful = []
    for (let from = 0; from < doubtful.length; from += READ) {
      const some = doubtful.slice(from, from + READ)
      const rows = await getCertain(this.#parts.rows.store, some.map(layout.envelopeKey))
      some.forEach((entry, i) => {
        const row = rows[i]
        if (row === null) throw damaged()
        if (row !== undefined && rowSeq(row) === entry.seq) this.#take(entry)
      })
    }
  }
}

/** What finished blocks have, some blocks at a time; of many topics all that a block has. */
async function* ofBlocks(
  blocks: Blocks,
  finished: readonly FinishedBlock[],
  topics: MeantTopics
): AsyncGenerator<{ group: FinishedBlock[]; postings: Postings[]; unsound: number }, void> {
  if (typeof topics !== 'function' && topics.length <= MAX_TOPICS) {
    for (const group of groupsOf(finished, topics.length)) {
      const { postings, unsound } = await blocks.posted(
        group.map(({ block }) => block),
        topics
      )
      const found = postings.map(of =>
        of.flatMap((posting, i) => (posting === undefined ? [] : [{ topic: topics[i] as number, posting }]))
      )
      yield { group, postings: found, unsound }
    }
    return
  }
  for (const one of finished) {
    const { postings, unsound } = await blocks.gather(one.block, () => new Gathering())
    yield { group: [one], postings: [postings], unsound }
  }
}

class Gathering {
  readonly postings: Postings = []
  unsound = 0

  add(topic: number, posting: Uint8Array): void {
    this.postings.push({ topic, posting })
  }
}

/**
 * The same by the envelopes themselves.
 * @param bySeq - what is accepted depends on their numbers, which those that are damaged do not tell
 */
async function* scanned(
  { rows, ledger, census }: PostedParts,
  { lower, upper }: Range,
  accepts: (entry: Numbered) => boolean,
  take: (entry: layout.Entry) => void,
  bySeq = false
): AsyncGenerator<void, void> {
  if (lower > upper) return
  const { bounds, read } = layout.envelopeRange(lower, upper)
  const passed = new Map<number, number>()
  let from: Uint8Array | undefined
  for (;;) {
    const range = from === undefined ? bounds : { gt: from, lt: bounds.lt }
    const { entries, hole } = await readThrough(rows.store, range, READ)
    if (hole) throw damaged()
    for (const [key, value] of entries) {
      if (bySeq && readRow(layout.envelopeFields(key), value) === undefined) throw damaged()
      const entry = { ...read(key, value), seq: rowSeq(value) }
      const day = layout.dayOf(entry.sent)
      passed.set(day, (passed.get(day) ?? 0) + 1)
      if (accepts(entry)) take(entry)
    }
    const last = entries.at(-1)
    if (last === undefined) {
      if ((await beyondEnd(rows.store, range, layout.ENVELOPE_TIMES)).hole) throw damaged()
      break
    }
    from = last[0]
    yield
  }
  for (const day of ledger.days(layout.dayOf(lower), layout.dayOf(upper))) {
    if (day * layout.DAY < lower || layout.lastOf(day) > upper || (passed.get(day) ?? 0) >= ledger.count(day)) continue
    if ((await census.day(day)) !== undefined) throw damaged()
  }
}

const damaged = (): Error => new ArchiveDamagedError('the archive cannot tell what it has: it is damaged')
