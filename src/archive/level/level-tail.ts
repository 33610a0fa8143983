import { readUint32 } from '../../wire/bytes.js'
import * as layout from './level-layout.js'
import { LazyEntry, type Numbered } from './level-posting.js'

const ENTRY = layout.RUN_ENTRY_BYTES
// sent(4) hash(32) topic(4) size(4)
const [HASH, SIZE] = [4, 40]

/** The end of the order of ingest, which is in no finished block: its entries in memory, by topic. */
export class IngestTail {
  readonly #max: number
  #first = 1
  #length = 0
  #entries = new Uint8Array(0)
  /** Places of each topic, ascending; by the topic as a signed integer, which a Map finds sooner. */
  #topics = new Map<number, number[]>()
  #whole = true

  /** @param max - numbers; beyond that the runs on disk are read instead: so much is only waiting where an older version wrote it */
  constructor(max: number) {
    this.#max = max
  }

  /** Whether it holds all that is in no finished block. */
  get isWhole(): boolean {
    return this.#whole
  }

  /** Forgets everything; what comes next has the number `first` or a later one. */
  reset(first: number): void {
    this.#first = first
    this.#length = 0
    this.#entries = new Uint8Array(0)
    this.#topics = new Map()
    this.#whole = true
  }

  /** What there is does not go in here, or cannot be read: who asks has to look on disk. */
  giveUp(): void {
    this.reset(this.#first)
    this.#whole = false
  }

  /** A run as it is on disk, or will be: what of it has no place here is left out, and numbers that are left out have no entries. */
  addRun(firstSeq: number, run: Uint8Array): void {
    const skipped = Math.max(0, this.#first - firstSeq)
    const rest = run.subarray(skipped * ENTRY)
    const place = this.#room(firstSeq + skipped, rest.length / ENTRY)
    if (place === undefined) return
    this.#entries.set(rest, place * ENTRY)
    for (let i = 0; i < rest.length / ENTRY; i++) this.#index(place + i)
  }

  /** What comes before a number is in a finished block now. */
  dropUntil(first: number): void {
    if (!this.#whole) return
    const rest = this.#entries.subarray(Math.max(0, first - this.#first) * ENTRY, this.#length * ENTRY)
    const from = Math.max(first, this.#first)
    this.reset(first)
    if (rest.length > 0) this.addRun(from, rest)
  }

  /**
   * Entries after a number that pass, as many as there is room for.
   * @param topics - of these; of all when absent
   */
  take(
    after: number,
    { topics, accepts }: { topics?: readonly number[] | undefined; accepts: (entry: layout.Entry) => boolean },
    room: { rows: number; bytes: number }
  ): Numbered[] {
    const from = Math.max(0, after + 1 - this.#first)
    const entries: Numbered[] = []
    let bytes = room.bytes
    for (const place of topics === undefined ? this.#all(from) : this.#of(topics, from)) {
      const entry = this.#at(place)
      if (layout.isDropped(entry) || !accepts(entry)) continue
      if (entries.length === room.rows || bytes < 0) break
      entries.push(entry)
      bytes -= entry.size
    }
    return entries
  }

  /** The entries between two numbers, inclusive, as they came: a run. Undefined when they are not here. */
  run(firstSeq: number, lastSeq: number): Uint8Array | undefined {
    const [from, to] = [firstSeq - this.#first, lastSeq + 1 - this.#first]
    if (!this.#whole || from < 0 || to > this.#length) return undefined
    return this.#entries.slice(from * ENTRY, to * ENTRY)
  }

  /** All there is, as it came, from a number on. */
  copy(): { first: number; run: Uint8Array } {
    return { first: this.#first, run: this.#entries.slice(0, this.#length * ENTRY) }
  }

  /** How many entries topics have. */
  countOf(topics: readonly number[]): number {
    return topics.reduce((sum, topic) => sum + (this.#topics.get(topic | 0)?.length ?? 0), 0)
  }

  /** How many there are. */
  get length(): number {
    return this.#length
  }

  /** Entries of topics that were sent between two times, inclusive; in no order. */
  between(topics: readonly number[], lower: number, upper: number): layout.Entry[] {
    const entries: layout.Entry[] = []
    for (const topic of topics)
      for (const place of this.#topics.get(topic | 0) ?? []) {
        const at = place * ENTRY
        const sent = readUint32(this.#entries, at)
        // what has a place is never written there again
        if (sent >= lower && sent <= upper)
          entries.push(new LazyEntry(sent, topic, this.#entries, at + HASH, at + SIZE))
      }
    return entries
  }

  *#all(from: number): Generator<number, void> {
    for (let place = from; place < this.#length; place++) yield place
  }

  #of(topics: readonly number[], from: number): number[] {
    const places = topics.flatMap(topic => {
      const all = this.#topics.get(topic | 0) ?? []
      return all.slice(firstFrom(all, from))
    })
    return places.sort((a, b) => a - b)
  }

  #at(place: number): Numbered {
    const [entry] = layout.decodeRun(this.#entries.subarray(place * ENTRY, (place + 1) * ENTRY)) as [layout.Entry]
    return { ...entry, hash: entry.hash.slice(), seq: this.#first + place }
  }

  /** Where entries from a number on go; absent when they do not. */
  #room(seq: number, count: number): number | undefined {
    const place = seq - this.#first
    if (place < 0 || count < 1 || !this.#whole) return undefined
    if (place + count > this.#max) {
      this.giveUp()
      return undefined
    }
    this.#length = Math.max(this.#length, place + count)
    if (this.#length * ENTRY > this.#entries.length) {
      const entries = new Uint8Array(Math.max(this.#length * ENTRY, this.#entries.length * 2, 1024 * ENTRY))
      entries.set(this.#entries)
      this.#entries = entries
    }
    return place
  }

  #index(place: number): void {
    const topic = layout.runEntryTopic(this.#entries, place)
    if (topic === undefined) return
    const places = this.#topics.get(topic | 0)
    if (places === undefined) this.#topics.set(topic | 0, [place])
    else places.push(place)
  }
}

/** Where in an ascending list the first value is that is no smaller. */
function firstFrom(values: readonly number[], from: number): number {
  let low = 0
  let high = values.length
  while (low < high) {
    const middle = (low + high) >>> 1
    if ((values[middle] as number) < from) low = middle + 1
    else high = middle
  }
  return low
}
