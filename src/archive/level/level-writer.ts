import { equalBytes, MAX_UINT32 } from '../../wire/bytes.js'
import { decodeEnvelope, type Envelope } from '../../wire/envelope/envelope.js'
import type { AppendOutcome } from '../archive.js'
import type { LevelEntry, LevelOperation, LevelOperations, LevelRange, LevelStore } from '../database/level-store.js'
import type { TopicFloors } from '../topic-floors.js'
import type { IngestMarks } from './ingest-marks.js'
import type { Blocks, Finish } from './level-blocks.js'
import * as layout from './level-layout.js'
import type { Ledger } from './level-ledger.js'
import { postingEntries } from './level-posting.js'
import { getReadable, readThrough } from './level-reader.js'
import { encodeRow, rawSize, readRow } from './level-row.js'
import { newRun, runEntries, sealRun } from './level-runs.js'
import { fingerprintOf, NewestEnvelopes } from './newest-envelopes.js'

/** A run of ingest order is cut here, so that reading one never needs much memory. */
const RUN_ENTRIES = 1024
/** Envelopes deleted in one batch; appends get their turn between two. */
export const PRUNE_STEP = 500
/** Runs of ingest order whose envelopes are looked for at once. */
const DOUBTFUL_RUNS = 4
/** Postings of a block looked at, and forgotten, at once. */
const DOUBTFUL_POSTINGS = 200

/** What one step of a prune did. */
export interface PruneStep {
  removed: number
  /** Of the envelopes among that. */
  bytes: number
  /** Where the next step begins; absent when the range is empty now. */
  next?: Uint8Array | undefined
}

type Place = 'free' | 'known' | 'damaged'

/** Every change of the archive. Used by one caller at a time: nothing here waits for another write. */
export class LevelWriter {
  readonly #store: LevelStore
  readonly #ledger: Ledger
  readonly #blocks: Blocks
  readonly #marks: IngestMarks | undefined
  readonly #newest = new NewestEnvelopes()
  #inDoubt = false

  constructor(store: LevelStore, ledger: Ledger, blocks: Blocks, marks?: IngestMarks | undefined) {
    this.#blocks = blocks
    this.#marks = marks
    this.#store = store
    this.#ledger = ledger
  }

  /** Learns from the disk what is stored. */
  async load(): Promise<void> {
    await this.#blocks.load(await this.#ledger.read())
    const { entries } = await readThrough(this.#store, { ...layout.allEnvelopes(), reverse: true }, 1)
    const [newest] = entries
    // beside what is spoiled the disk is asked about each
    const last = newest !== undefined && !layout.isWhole(newest[0]) ? MAX_UINT32 : undefined
    this.#newest.reset(last ?? (newest === undefined ? -1 : layout.envelopeSent(newest[0])))
  }

  /** Stores what is not yet there with its place in ingest order and all counts in one synced batch. */
  async append(envelopes: Envelope[]): Promise<AppendOutcome[]> {
    await this.#settle()
    const places = await this.#places(envelopes)
    const allFree = places.every(place => place === 'free')
    const news = allFree ? envelopes : envelopes.filter((_, i) => places[i] !== 'known')
    const added = allFree ? envelopes : envelopes.filter((_, i) => places[i] === 'free')
    if (news.length > 0) await this.#insert(news, added)
    return places.map(place => (place === 'known' ? 'known' : 'stored'))
  }

  /**
   * What is where each of them belongs: nothing, itself, or what is left of it; a second copy is known. All of them count among the newest
   * from here on: of those that are not stored in the end the disk is asked.
   */
  async #places(envelopes: Envelope[]): Promise<Place[]> {
    const places = new Array<Place>(envelopes.length).fill('free')
    let doubtful: number[] = []
    for (let i = 0; i < envelopes.length; i++) {
      const envelope = envelopes[i] as Envelope
      if (this.#newest.lacks(envelope)) this.#newest.add(envelope)
      else doubtful.push(i)
    }
    if (doubtful.length === 0) return places
    // the first of two copies made the second one doubtful, unless both are
    const isRepeated = repeated(envelopes)
    for (const i of places.keys()) if (isRepeated(i)) places[i] = 'known'
    doubtful = doubtful.filter(i => places[i] === 'free')
    const keys = doubtful.map(i => layout.envelopeKey(entryOf(envelopes[i] as Envelope)))
    const values = await getReadable(this.#store, keys)
    doubtful.forEach((i, at) => {
      const value = values[at]
      if (value === undefined) return
      const sound = value !== null && readRow(layout.envelopeFields(keys[at] as Uint8Array), value) !== undefined
      places[i] = sound ? 'known' : 'damaged'
    })
    return places
  }

  /** @param added - those of them that are not counted yet */
  async #insert(envelopes: Envelope[], added: Envelope[]): Promise<void> {
    const firstSeq = this.#ledger.totals.lastSeq + 1
    const lastSeq = firstSeq + envelopes.length - 1
    const entries = envelopes.map(entryOf)
    const isAllNew = added.length === envelopes.length
    const again = isAllNew ? [] : without(envelopes, added)
    const change = await this.#ledger.change(isAllNew ? entries : added.map(entryOf), 1, {
      lastSeq,
      isBehind: isAllNew
    })
    const runs: Uint8Array[] = []
    const others = again.map(
      (envelope): LevelOperation => ({
        type: 'put',
        key: layout.renewedKey(entryOf(envelope)),
        value: new Uint8Array(0)
      })
    )
    await this.#write(
      insertions(envelopes, entries, firstSeq, this.#blocks, { runs, others: [...others, ...change.operations] })
    )
    change.apply()
    this.#blocks.appended(firstSeq, runs)
    for (const { hash } of again) this.#blocks.renewed.add(hash)
    let [oldest, newest] = [MAX_UINT32, 0]
    for (const { sent } of envelopes) {
      oldest = Math.min(oldest, sent)
      newest = Math.max(newest, sent)
    }
    this.#marks?.add({ lastSeq, count: envelopes.length, oldest, newest })
  }

  /** Finishes a block of the order of ingest, unless something happened meanwhile. */
  async finishBlock({ operations, isCurrent, apply }: Finish): Promise<void> {
    await this.#settle()
    if (!isCurrent()) return
    await this.#write(operations)
    apply()
    await this.#blocks.settleTail()
  }

  /**
   * Gives envelopes that are stored and counted a new place at the end of the order of ingest.
   * @param keys - theirs
   */
  async renumber(keys: Uint8Array[]): Promise<void> {
    await this.#settle()
    for (let from = 0; from < keys.length; from += RUN_ENTRIES) {
      const some = keys.slice(from, from + RUN_ENTRIES)
      const rows = await this.#store.getMany(some)
      const raws = some.map((key, i) => readRow(layout.envelopeFields(key), rows[i] ?? new Uint8Array(0)))
      await this.#insert(
        raws.filter(raw => raw !== undefined).map(raw => decodeEnvelope(raw)),
        []
      )
    }
  }

  /**
   * Deletes the first envelopes of a range, of those that come after `from`.
   * @param accepts - of which topics; all when absent
   */
  async prune(
    range: layout.EntryRange,
    from?: Uint8Array | undefined,
    accepts: (topic: number) => boolean = () => true
  ): Promise<PruneStep> {
    await this.#settle()
    const { entries: found } = await readThrough(this.#store, continued(range.bounds, from), PRUNE_STEP)
    const next = found.at(-1)?.[0]
    const entries = found.map(([key, value]) => range.read(key, value)).filter(({ topic }) => accepts(topic))
    if (entries.length === 0) return { removed: 0, bytes: 0, next }
    return { ...(await this.#delete(entries)), next }
  }

  /** Deletes those of some envelopes that are stored. */
  async drop(entries: readonly layout.Entry[]): Promise<PruneStep> {
    await this.#settle()
    const rows = await getReadable(this.#store, entries.map(layout.envelopeKey))
    const stored = entries.flatMap((entry, i): layout.Entry[] => {
      const row = rows[i]
      if (row === undefined) return []
      return [row === null ? entry : { ...entry, size: rawSize(row) }]
    })
    return stored.length === 0 ? { removed: 0, bytes: 0 } : this.#delete(stored)
  }

  async #delete(entries: layout.Entry[]): Promise<PruneStep> {
    const change = await this.#ledger.change(entries, -1)
    const operations = entries.map((entry): LevelOperation => ({ type: 'del', key: layout.envelopeKey(entry) }))
    await this.#write([...operations, ...change.operations])
    change.apply()
    return { removed: entries.length, bytes: entries.reduce((sum, { size }) => sum + size, 0) }
  }

  /**
   * Forgets runs of ingest order up to `lastSeq` whose newest envelope was sent at `newest` or earlier, of those that come
   * after `from`.
   * @param emptied - nothing of them is left; otherwise each is looked at, and stays while something is
   */
  async forgetRuns(newest: number, lastSeq: number, emptied: boolean, from?: Uint8Array): Promise<PruneStep> {
    const size = emptied ? PRUNE_STEP : DOUBTFUL_RUNS
    const { entries: found } = await readThrough(this.#store, continued(layout.runsUntil(newest), from), size)
    const old = found.filter(([key]) => layout.isWhole(key) && layout.readRunAgeSeq(key) <= lastSeq)
    const left = emptied ? [] : await Promise.all(old.map(([key]) => this.#holds(layout.readRunAgeSeq(key))))
    const gone = old.filter((_, i) => left[i] !== true)
    const operations = gone.flatMap<LevelOperation>(([key]) => [
      { type: 'del', key },
      { type: 'del', key: layout.runKey(layout.readRunAgeSeq(key)) }
    ])
    if (operations.length > 0) await this.#write(operations)
    return { removed: gone.length, bytes: 0, next: found.at(-1)?.[0] }
  }

  /**
   * Forgets what a finished block has of topics of which nothing is left there, of those that come after `from`.
   * @param emptied - nothing of the whole block is left; otherwise what may be pruned is looked for, of some topics or of all
   */
  async forgetPostings(
    block: number,
    { floors, topics, emptied }: { floors: TopicFloors; topics?: readonly number[] | undefined; emptied: boolean },
    from?: Uint8Array
  ): Promise<PruneStep> {
    const bounds = continued(layout.blockPostings(block), from)
    const { entries: found, hole } =
      topics === undefined
        ? await readThrough(this.#store, bounds, DOUBTFUL_POSTINGS)
        : { entries: await this.#postingsOf(block, topics), hole: false }
    const old = found.filter(([key, posting]) => {
      if (!layout.isWhole(key)) return false
      const topic = layout.readPostingTopic(key)
      return (
        emptied ||
        postingEntries(posting, { before: this.#blocks.before(block), topic }).every(({ sent }) =>
          floors.include(sent, topic)
        )
      )
    })
    const left = emptied ? [] : await Promise.all(old.map(([key, posting]) => this.#stillHas(block, key, posting)))
    const operations = old.flatMap<LevelOperation>(([key], i) => (left[i] === true ? [] : [{ type: 'del', key }]))
    const removed = operations.length
    const next = topics === undefined ? found.at(-1)?.[0] : undefined
    let empty = false
    if (topics === undefined && next === undefined && !hole) {
      const rest = await readThrough(this.#store, layout.blockPostings(block), 1)
      empty = rest.entries.length === 0 && !rest.hole
      if (empty)
        operations.push({ type: 'del', key: layout.blockKey(block) }, { type: 'del', key: layout.contentsKey(block) })
    }
    if (operations.length > 0) await this.#write(operations)
    if (empty) this.#blocks.forgotten(block)
    return { removed, bytes: 0, next }
  }

  async #postingsOf(block: number, topics: readonly number[]): Promise<LevelEntry[]> {
    const keys = topics.map(topic => layout.postingKey(block, topic))
    const postings = await getReadable(this.#store, keys)
    return keys.flatMap((key, i): LevelEntry[] => {
      const posting = postings[i]
      return posting === undefined || posting === null ? [] : [[key, posting]]
    })
  }

  async #stillHas(block: number, key: Uint8Array, posting: Uint8Array): Promise<boolean> {
    const place = { before: this.#blocks.before(block), topic: layout.readPostingTopic(key) }
    const entries = postingEntries(posting, place)
    return (await getReadable(this.#store, entries.map(layout.envelopeKey))).some(row => row !== undefined)
  }

  /** Whether something that a run names is stored. */
  async #holds(lastSeq: number): Promise<boolean> {
    const [value] = await getReadable(this.#store, [layout.runKey(lastSeq)])
    const run = value && runEntries(lastSeq, value)
    const entries = run && layout.decodeRun(run)
    if (entries === undefined || entries === null) return false
    return (await getReadable(this.#store, entries.map(layout.envelopeKey))).some(row => row !== undefined)
  }

  async #write(operations: LevelOperations): Promise<void> {
    this.#inDoubt = true
    await this.#store.batch(operations, { sync: true })
    this.#inDoubt = false
  }

  /** After a failed write nobody knows what reached the disk: ask it. */
  async #settle(): Promise<void> {
    if (!this.#inDoubt) return
    await this.load()
    this.#inDoubt = false
  }
}

function continued(bounds: layout.Bounds, from: Uint8Array | undefined): LevelRange {
  return from === undefined ? bounds : { gt: from, lt: bounds.lt }
}

/** Tells of each, by its index, whether it came before in the list. */
function repeated(envelopes: readonly Envelope[]): (i: number) => boolean {
  // by numbers: a text of each hash would take as long as all the rest
  const last = new Map<number, number>()
  const before = new Int32Array(envelopes.length)
  return i => {
    const { hash } = envelopes[i] as Envelope
    const fingerprint = fingerprintOf(hash)
    const first = last.get(fingerprint) ?? -1
    for (let at = first; at >= 0; at = before[at] as number)
      if (equalBytes((envelopes[at] as Envelope).hash, hash)) return true
    before[i] = first
    last.set(fingerprint, i)
    return false
  }
}

function without(envelopes: readonly Envelope[], others: readonly Envelope[]): Envelope[] {
  const left = new Set(others)
  return envelopes.filter(envelope => !left.has(envelope))
}

/**
 * Envelopes with their places in ingest order, and after them what else belongs to the batch.
 * @param entries - of the envelopes
 * @param parts.runs - takes the runs of ingest order
 */
function* insertions(
  envelopes: readonly Envelope[],
  entries: readonly layout.Entry[],
  firstSeq: number,
  blocks: Blocks,
  { runs, others }: { runs: Uint8Array[]; others: LevelOperation[] }
): Generator<LevelOperation, void> {
  for (let from = 0, length = 0; from < envelopes.length; from += length) {
    length = blocks.within(firstSeq + from, Math.min(RUN_ENTRIES, envelopes.length - from))
    const run = newRun(length)
    let newest = 0
    for (let i = 0; i < length; i++) {
      const entry = entries[from + i] as layout.Entry
      const key = layout.envelopeKey(entry)
      const value = encodeRow(key, firstSeq + from + i, (envelopes[from + i] as Envelope).raw, layout.FIELDS_AT)
      yield { type: 'put', key, value }
      layout.putRunEntry(run.entries, i, entry)
      newest = Math.max(newest, entry.sent)
    }
    const lastSeq = firstSeq + from + length - 1
    runs.push(run.entries)
    sealRun(run, lastSeq)
    yield { type: 'put', key: layout.runKey(lastSeq), value: run.value }
    yield { type: 'put', key: layout.runAgeKey(newest, lastSeq), value: new Uint8Array(0) }
  }
  yield* others
}

function entryOf({ sent, hash, topicNumber, size }: Envelope): layout.Entry {
  return { sent, hash, topic: topicNumber, size }
}
