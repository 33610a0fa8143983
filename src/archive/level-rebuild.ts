import { readUint32 } from '../wire/bytes.js'
import { GapKind } from '../wire/coverage.js'
import type { ArchiveReport } from './archive.js'
import { withGap } from './gap-list.js'
import * as layout from './level-layout.js'
import { beyondEnd, getReadable, type Reading, readThrough } from './level-reader.js'
import { encodeRow, isChecked, readRow, rowSeq } from './level-row.js'
import type { LevelOperation, LevelRange, LevelStore } from './level-store.js'

/** Entries read, and changes written, at once. */
const READ = 1000
/** The same of runs of ingest order, each of a thousand entries. */
const RUNS = 4

export interface RebuildOptions {
  /** Drops what is damaged and puts the index right; otherwise nothing is changed. */
  mend: boolean
  /** What was sent before this time may have been pruned, Unix seconds. */
  floor: number
  /** Does a piece of work while nothing is written. */
  step<T>(task: () => Promise<T>): Promise<T>
  signal?: AbortSignal | undefined
}

/** Goes through everything once: the order of ingest, the envelopes, their index. May be broken off, and done again. */
export class Rebuild {
  readonly report: ArchiveReport = { envelopes: 0, damaged: 0, missing: 0, index: 0, countsWrong: false, gaps: [] }
  /** Bytes of all envelopes that are sound, and how many each topic has on each day. */
  bytes = 0
  readonly days = new Map<number, Map<number, number>>()
  /** Sound ones whose place in the order of ingest is gone. */
  readonly unnumbered: Uint8Array[] = []
  readonly #store: LevelStore
  readonly #options: RebuildOptions
  readonly #numbered: [first: number, last: number][] = []
  #operations: LevelOperation[] = []

  constructor(store: LevelStore, options: RebuildOptions) {
    this.#store = store
    this.#options = options
  }

  async run(): Promise<void> {
    await this.#through(layout.runsFrom(0), RUNS, async ({ entries }) => {
      for (const [key, value] of entries) await this.#takeRun(key, value)
    })
    await this.#through(layout.allEnvelopes(), READ, reading => this.#takeRows(reading))
    await this.#through(layout.allIndexed(), READ, reading => this.#takeIndex(reading))
  }

  async #through(bounds: layout.Bounds, size: number, take: (reading: Reading) => Promise<void>): Promise<void> {
    const { step, signal, mend } = this.#options
    let range: LevelRange | undefined = bounds
    while (range !== undefined) {
      signal?.throwIfAborted()
      const from: LevelRange = range
      range = await step(async () => {
        const reading = await readThrough(this.#store, from, size)
        if (reading.hole) this.#passedOver(bounds, from, reading)
        await take(reading)
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
    const run = layout.decodeRun(value)
    if (run === undefined) {
      this.report.index++
      this.#operations.push({ type: 'del', key })
      return
    }
    this.#numbered.push([lastSeq - run.length + 1, lastSeq])
    const keys = run.map(layout.envelopeKey)
    const rows = await getReadable(this.#store, keys)
    const dropped: number[] = []
    run.forEach((entry, i) => {
      const row = rows[i]
      if (layout.isDropped(entry) || row === null) return
      if (row === undefined) {
        if (entry.sent < this.#options.floor) return
        this.#spoiled('missing', entry.sent)
      } else if (!this.#options.mend || readRow(layout.envelopeFields(keys[i] as Uint8Array), row) !== undefined) return
      dropped.push(i)
    })
    if (dropped.length > 0) this.#operations.push({ type: 'put', key, value: layout.withoutEntries(value, dropped) })
  }

  async #takeRows({ entries }: Reading): Promise<void> {
    const indexKeys = entries.map(([key]) => layout.indexKey(layout.envelopeEntry(key)))
    const indexed = await getReadable(this.#store, indexKeys)
    entries.forEach(([key, row], i) => {
      const indexKey = indexKeys[i] as Uint8Array
      const fields = layout.envelopeFields(key)
      const raw = readRow(fields, row)
      if (raw === undefined) {
        this.#spoiled('damaged', layout.envelopeSent(key))
        this.#operations.push({ type: 'del', key }, { type: 'del', key: indexKey })
        return
      }
      this.#count(layout.envelopeEntry(key), raw.length)
      const size = indexed[i]
      if (!(size instanceof Uint8Array) || size.length !== 4 || readUint32(size, 0) !== raw.length) {
        this.report.index++
        this.#operations.push({ type: 'put', key: indexKey, value: layout.uint32(raw.length) })
      }
      if (!this.#isNumbered(rowSeq(row))) this.unnumbered.push(raw.slice())
      else if (!isChecked(row)) this.#operations.push({ type: 'put', key, value: encodeRow(fields, rowSeq(row), raw) })
    })
  }

  async #takeIndex({ entries }: Reading): Promise<void> {
    const rows = await getReadable(
      this.#store,
      entries.map(([key]) => layout.envelopeKey(layout.indexedEntry(key)))
    )
    entries.forEach(([key], i) => {
      if (rows[i] !== undefined) return
      this.report.index++
      this.#operations.push({ type: 'del', key })
    })
  }

  #count({ sent, topic }: Pick<layout.Entry, 'sent' | 'topic'>, size: number): void {
    const day = layout.dayOf(sent)
    const topics = this.days.get(day) ?? new Map<number, number>()
    this.days.set(day, topics)
    topics.set(topic, (topics.get(topic) ?? 0) + 1)
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

  #isNumbered(seq: number): boolean {
    let low = 0
    let high = this.#numbered.length
    while (low < high) {
      const middle = (low + high) >>> 1
      if ((this.#numbered[middle] as [number, number])[1] < seq) low = middle + 1
      else high = middle
    }
    return (this.#numbered[low]?.[0] ?? Number.POSITIVE_INFINITY) <= seq
  }
}
