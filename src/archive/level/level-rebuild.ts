import { equalBytes, MAX_UINT32, readUint32, toHex } from '../../wire/bytes.js'
import type { Envelope } from '../../wire/envelope/envelope.js'
import { GapKind } from '../../wire/request/coverage.js'
import type { ArchiveReport } from '../archive.js'
import type { LevelEntry, LevelOperation, LevelRange, LevelStore } from '../database/level-store.js'
import { emptyReport } from '../empty-report.js'
import { withGap } from '../gap-list.js'
import type { TopicFloors } from '../topic-floors.js'
import { list } from './level-block-finish.js'
import { type BlockSpan, isOlderBlock, readBlockSpan } from './level-block-span.js'
import type { Blocks } from './level-blocks.js'
import { BlockContents, type Listed, listed } from './level-contents.js'
import * as layout from './level-layout.js'
import { encodePosting, isPosting, type Numbered, postingEntries, withPosting } from './level-posting.js'
import { beyondEnd, getCertain, type Reading, readThrough } from './level-reader.js'
import { encodeRow, isChecked, misplacedEnvelope, readRow, rowSeq } from './level-row.js'
import { runEntries, runWithout } from './level-runs.js'
import { NumberSet } from './number-set.js'

/** Entries read, and changes written, at once. */
const READ = 1000
/** The same of runs of ingest order, each of a thousand entries. */
const RUNS = 4
/** And of postings, of a dozen each. */
const POSTINGS = 100

export interface RebuildOptions {
  /** Drops what is damaged and puts the index right; otherwise nothing is changed. */
  mend: boolean
  /** What was sent before them may have been pruned. */
  floors(): TopicFloors
  blocks: Blocks
  /** The last number of the order of ingest: what has a later one came meanwhile. */
  lastSeq: number
  /** Does a piece of work while nothing is written. */
  step<T>(task: () => Promise<T>): Promise<T>
  signal?: AbortSignal | undefined
}

/** Goes through everything once: the order of ingest, and the envelopes. May be broken off, and done again. */
export class Rebuild {
  readonly report: ArchiveReport = emptyReport()
  /** Bytes of all envelopes that are sound, and how many there are on each day, and of each topic. */
  bytes = 0
  readonly days = new Map<number, number>()
  readonly topics = new Map<number, number>()
  /** The highest number of a sound one. */
  highest = 0
  /** The keys of sound ones whose place in the order of ingest is gone, where they are to be mended. */
  readonly unnumbered: Uint8Array[] = []
  readonly #store: LevelStore
  readonly #options: RebuildOptions
  /** The finished blocks that have something, and the one of which the postings are being taken. */
  readonly #blocks = new Set<number>()
  #block: PassedBlock | undefined
  /** Numbers by which the order of ingest names what is there. */
  readonly #named = new NumberSet()
  /** What it names, and is not found, by its number: it is missing, or the entry is wrong. */
  readonly #unfound = new Map<number, layout.Entry>()
  /** Keys under which it names something, and a row of another number lies: few. */
  readonly #contested = new Set<string>()
  /** When what was sent in whose place another's row lies, by its key; and where rows belong that lay elsewhere. */
  readonly #displaced = new Map<string, number>()
  readonly #homes = new Set<string>()
  #operations: LevelOperation[] = []

  constructor(store: LevelStore, options: RebuildOptions) {
    this.#store = store
    this.#options = options
  }

  async run(): Promise<void> {
    await this.#through(layout.allRuns(), RUNS, async ({ entries }) => {
      for (const [key, value] of entries) await this.#takeRun(key, value)
    })
    await this.#through(layout.runsUntil(MAX_UINT32), READ, reading => this.#takeAges(reading))
    await this.#through(layout.allPostings(), POSTINGS, async ({ entries, ended }) => {
      for (const [key, value] of entries) await this.#takePosting(key, value)
      if (ended) this.#endBlock()
    })
    await this.#forgetOthers()
    await this.#through(layout.allEnvelopes(), READ, reading => this.#takeRows(reading))
    for (const [seq, { sent, topic }] of this.#unfound)
      if (!this.#isMisnamed(seq) && !this.#options.floors().include(sent, topic)) this.#spoiled('missing', sent)
    for (const [key, sent] of this.#displaced) if (!this.#homes.has(key)) this.#spoiled('damaged', sent)
    // what was named twice is not any more
    await this.#through(layout.allRenewed(), READ, async ({ entries }) => {
      for (const [key] of entries) this.#operations.push({ type: 'del', key })
    })
  }

  async #through(bounds: layout.Bounds, size: number, take: (reading: Taken) => Promise<void>): Promise<void> {
    const { step, signal, mend } = this.#options
    let range: LevelRange | undefined = bounds
    while (range !== undefined) {
      signal?.throwIfAborted()
      const from: LevelRange = range
      range = await step(async () => {
        const reading = await readThrough(this.#store, from, size)
        if (reading.hole) this.#passedOver(bounds, from, reading)
        const whole = reading.entries.filter(([key]) => layout.isWhole(key) || this.#takeNonsense(key))
        await take({ entries: whole, ended: reading.entries.length === 0 })
        if (mend && this.#operations.length > 0) await this.#store.batch(this.#operations, { sync: true })
        this.#operations = []
        const last = reading.entries.at(-1)
        if (last !== undefined) return { gt: last[0], lt: from.lt }
        if (!layout.isEnvelope(bounds.gte)) return undefined
        const on = await beyondEnd(this.#store, from, layout.ENVELOPE_TIMES)
        if (on.hole && !reading.hole) this.#passedOver(bounds, from, reading)
        return on.range
      })
    }
  }

  /** A key that nobody wrote. */
  #takeNonsense(key: Uint8Array): boolean {
    this.report.index++
    this.#operations.push({ type: 'del', key })
    return false
  }

  /** Whether a number is another envelope's, or nobody's: what it is said to be of was never stored under it. */
  #isMisnamed(seq: number): boolean {
    return this.#named.has(seq) || seq > this.#options.lastSeq
  }

  #passedOver(bounds: layout.Bounds, from: LevelRange, { entries }: Reading): void {
    if (!layout.isEnvelope(bounds.gte)) {
      this.report.index++
      return
    }
    const last = entries.at(-1)
    const until = last === undefined ? layout.lastSent(from.lt) : layout.envelopeSent(last[0])
    this.#spoiled('damaged', layout.envelopeSent('gt' in from ? from.gt : from.gte), until)
  }

  async #takeRun(key: Uint8Array, value: Uint8Array): Promise<void> {
    const lastSeq = layout.readRunSeq(key)
    const bytes = runEntries(lastSeq, value)
    const run = bytes && layout.decodeRun(bytes)
    if (bytes === undefined || run === undefined) {
      this.report.index++
      this.#operations.push({ type: 'del', key })
      return
    }
    const dropped = await this.#takeNamed(run.map((entry, i) => ({ ...entry, seq: lastSeq - run.length + 1 + i })))
    if (dropped.length > 0) this.#operations.push({ type: 'put', key, value: runWithout(bytes, dropped, lastSeq) })
    const age = layout.runAgeKey(newestOf(run), lastSeq)
    const [aged] = await getCertain(this.#store, [age])
    if (aged !== undefined || run.some(layout.isDropped)) return
    this.report.index++
    this.#operations.push({ type: 'put', key: age, value: new Uint8Array(0) })
  }

  /** Those whose run is gone. */
  async #takeAges({ entries }: Taken): Promise<void> {
    const keys = entries.map(([key]) => layout.runKey(layout.readRunAgeSeq(key)))
    const runs = await getCertain(this.#store, keys)
    entries.forEach(([key], i) => {
      if (runs[i] !== undefined) return
      this.report.index++
      this.#operations.push({ type: 'del', key })
    })
  }

  async #takePosting(key: Uint8Array, value: Uint8Array): Promise<void> {
    const number = layout.readPostingBlock(key)
    const topic = layout.readPostingTopic(key)
    const block = this.#block?.number === number ? this.#block : await this.#beginBlock(number)
    const { mend, floors } = this.#options
    if (!isPosting(value)) {
      this.report.index++
      this.#operations.push({ type: 'del', key })
      return
    }
    if (block.contents?.agrees(topic, value, floors()) === false) this.report.index++
    const before = this.#options.blocks.before(number)
    const entries = postingEntries(value, { before, topic })
    block.span = withPosting(block.span, value)
    const dropped = new Set(await this.#takeNamed(entries))
    if (dropped.size === 0) {
      block.topics.push(listed(topic, value))
      return
    }
    const rest = entries.filter((_, i) => !dropped.has(i))
    const posting = encodePosting(rest, before)
    if (rest.length === 0) this.#operations.push({ type: 'del', key })
    else this.#operations.push({ type: 'put', key, value: posting })
    if (rest.length > 0) block.topics.push(listed(topic, mend ? posting : value))
  }

  async #beginBlock(number: number): Promise<PassedBlock> {
    this.#endBlock()
    const [span, contents] = await getCertain(this.#store, [layout.blockKey(number), layout.contentsKey(number)])
    const block: PassedBlock = {
      number,
      written: span,
      contents: contents ? BlockContents.decode(number, contents) : undefined,
      span: { newest: 0, oldest: MAX_UINT32, most: 0 },
      topics: []
    }
    this.#blocks.add(number)
    this.#block = block
    return block
  }

  /** Each finished block that has something is listed, with the times of what it has and its postings, and does not claim less than there is. */
  #endBlock(): void {
    if (this.#block === undefined) return
    const { number, written, contents, span, topics } = this.#block
    this.#block = undefined
    if (written === null) return
    const isOlder = written !== undefined && isOlderBlock(written)
    const isListed = written !== undefined && covers(number, written, span) && (isOlder || contents !== undefined)
    if (!isListed) this.report.index++
    const now = list(number, span, topics)
    if (isListed && contents !== undefined && equalBytes(contents.bytes, now.contents)) return
    this.#operations.push(...now.operations)
  }

  /** Blocks that are listed, and have nothing. */
  async #forgetOthers(): Promise<void> {
    const { mend } = this.#options
    const forget = (read: (key: Uint8Array) => number) => async (reading: Taken) => {
      for (const [key] of reading.entries)
        if (mend && !this.#blocks.has(read(key))) this.#operations.push({ type: 'del', key })
    }
    await this.#through(layout.allBlocks(), READ, forget(layout.readBlock))
    await this.#through(layout.allContents(), RUNS, forget(layout.readContentsBlock))
  }

  /** Which of the entries, by index, are to be dropped: what they name is not there, or damaged. */
  async #takeNamed(entries: readonly Numbered[]): Promise<number[]> {
    const keys = entries.map(layout.envelopeKey)
    const rows = await getCertain(this.#store, keys)
    const { mend, floors } = this.#options
    const dropped: number[] = []
    entries.forEach((entry, i) => {
      const row = rows[i]
      if (layout.isDropped(entry) || row === null) return
      if (row === undefined) {
        if (floors().include(entry.sent, entry.topic)) return
        this.#unfound.set(entry.seq, entry)
      } else if (rowSeq(row) !== entry.seq) {
        // it was stored again under a later number, or the row is another's
        this.#contested.add(toHex(keys[i] as Uint8Array))
        if (!mend) return
      } else if (!mend || readRow(layout.envelopeFields(keys[i] as Uint8Array), row) !== undefined) {
        this.#named.add(entry.seq)
        return
      }
      dropped.push(i)
    })
    return dropped
  }

  async #takeRows({ entries }: Taken): Promise<void> {
    const misplaced: Misplaced[] = []
    entries.forEach(([key, row]) => {
      const fields = layout.envelopeFields(key)
      const raw = readRow(fields, row)
      if (raw === undefined) {
        const envelope = misplacedEnvelope(row)
        if (envelope !== undefined) misplaced.push({ key, row, home: homeOf(envelope), envelope })
        else this.#spoiled('damaged', layout.envelopeSent(key))
        this.#operations.push({ type: 'del', key })
        return
      }
      this.#count(layout.envelopeEntry(key), raw.length)
      const seq = rowSeq(row)
      this.highest = Math.max(this.highest, seq)
      if (!this.#named.has(seq)) this.#takeUnnumbered(key, seq)
      else if (!isChecked(row)) this.#operations.push({ type: 'put', key, value: encodeRow(fields, seq, raw) })
    })
    const last = entries.at(-1)
    if (last !== undefined && misplaced.length > 0) await this.#takeMisplaced(misplaced, last[0])
  }

  /** What lies under another's key is put where it belongs, unless that is taken. */
  async #takeMisplaced(misplaced: readonly Misplaced[], last: Uint8Array): Promise<void> {
    const homes = misplaced.map(({ home }) => home)
    const there = await getCertain(this.#store, homes)
    for (const [i, { key, row, home, envelope }] of misplaced.entries()) {
      const value = there[i]
      this.report.index++
      if (this.#contested.has(toHex(key))) this.#displaced.set(toHex(key), layout.envelopeSent(key))
      const isThere = value && readRow(layout.envelopeFields(home), value) !== undefined
      if (isThere || this.#homes.has(toHex(home))) continue
      const isFree = value === undefined || misplaced.some(other => equalBytes(other.key, home))
      if (!isFree) {
        this.#spoiled('damaged', layout.envelopeSent(key))
        continue
      }
      const seq = rowSeq(row)
      this.#homes.add(toHex(home))
      this.#unfound.delete(seq)
      this.#operations.push({ type: 'put', key: home, value: row })
      // otherwise it is met there
      if (!this.#options.mend || Buffer.compare(home, last) > 0) continue
      this.highest = Math.max(this.highest, seq)
      this.#count({ sent: envelope.sent, topic: envelope.topicNumber }, envelope.size)
      this.unnumbered.push(home)
    }
  }

  #takeUnnumbered(key: Uint8Array, seq: number): void {
    const { mend, lastSeq } = this.#options
    if (!mend && seq > lastSeq) return
    this.report.index++
    // it is there: what is wrong is the entry
    this.#unfound.delete(seq)
    if (mend) this.unnumbered.push(key)
  }

  #count({ sent, topic }: Pick<layout.Entry, 'sent' | 'topic'>, size: number): void {
    const day = layout.dayOf(sent)
    this.days.set(day, (this.days.get(day) ?? 0) + 1)
    this.topics.set(topic, (this.topics.get(topic) ?? 0) + 1)
    this.report.envelopes++
    this.bytes += size
  }

  #spoiled(how: 'damaged' | 'missing', from: number, until = from): void {
    this.report[how]++
    this.report.gaps = withGap(this.report.gaps, {
      from,
      until: Math.max(from, until),
      kind: GapKind.damaged,
      count: 1
    })
  }
}

/** A row that lies under another's key, and where it belongs. */
interface Misplaced {
  key: Uint8Array
  row: Uint8Array
  home: Uint8Array
  envelope: Envelope
}

const homeOf = ({ sent, hash, topicNumber }: Envelope): Uint8Array =>
  layout.envelopeKey({ sent, hash, topic: topicNumber })

/** Entries of a table, without those whose keys are none. */
interface Taken {
  entries: LevelEntry[]
  /** There are no more. */
  ended: boolean
}

/** A finished block of which the postings are being taken. */
interface PassedBlock {
  number: number
  /** What is written of its times; null when it cannot be read. */
  written: Uint8Array | undefined | null
  contents: BlockContents | undefined
  /** As it is, and what will be left of it. */
  span: BlockSpan
  topics: Listed[]
}

/** Whether what is written of a block is true; older versions wrote no more than its newest, or no checksum. */
function covers(block: number, value: Uint8Array, { newest, oldest, most }: BlockSpan): boolean {
  if (isOlderBlock(value)) return readUint32(value, 0) >= newest
  const written = readBlockSpan(block, value)
  return written !== undefined && written.newest >= newest && written.oldest <= oldest && written.most >= most
}

function newestOf(run: readonly layout.Entry[]): number {
  return run.reduce((newest, { sent }) => Math.max(newest, sent), 0)
}
