import type { ArchiveEnd, ArchiveRow, SequenceEnd } from '../archive/archive.js'
import * as FIGURES from '../limits/figures.js'

/** How a page ended: in the order of time perhaps with a cursor, in ingest order with `sequence`. */
export interface PageEnd extends ArchiveEnd {
  sequence?: SequenceEnd | undefined
}

export type PageSlices = AsyncGenerator<ArchiveRow[], PageEnd>

type Slice = IteratorResult<ArchiveRow[], PageEnd>

export interface PageReaderParts {
  /** Told by the archive how many entries it visited. */
  query(signal: AbortSignal, onVisited: (entries: number) => void): PageSlices
  /** Does a piece of work when it is the requester's turn. `cost` says of what it brought what it cost, ms, if that can be told. */
  turn<T>(work: () => Promise<T>, options: { signal: AbortSignal; cost(brought: T): number | undefined }): Promise<T>
}

/** Reads the slices of a page ahead of who takes them. Holds at most half a MiB and one slice. */
export class PageReader {
  /** How the page ends, as soon as that was read; never, when reading it failed or was given up. */
  readonly end: Promise<PageEnd>
  readonly #turn: PageReaderParts['turn']
  readonly #slices: PageSlices
  readonly #closed = new AbortController()
  readonly #ready: Slice[] = []
  #bytes = 0
  #reading: Promise<void> | undefined
  #reach = Number.POSITIVE_INFINITY
  /** `sent` of the last row. */
  #last = 0
  #failure: { error: unknown } | undefined
  #ended = false
  #visited: number | undefined
  #resolveEnd: (end: PageEnd) => void = () => {}

  constructor({ query, turn }: PageReaderParts) {
    this.#turn = turn
    this.end = new Promise(resolve => {
      this.#resolveEnd = resolve
    })
    this.#slices = query(this.#closed.signal, entries => {
      this.#visited = (this.#visited ?? 0) + entries
    })
    this.#readOn()
  }

  /**
   * What is archived from now on belongs into this page only if it was sent at this time or earlier. Anything may, while the
   * page is not read to its end: which days and topics are looked at was settled when it was begun.
   */
  get reach(): number {
    return this.#reach
  }

  /** Entries of tables and indexes that were read for it so far; undefined where the archive does not tell. */
  get visited(): number | undefined {
    return this.#visited
  }

  /** @throws what the archive throws */
  async next(): Promise<Slice> {
    while (this.#ready.length === 0) {
      this.#closed.signal.throwIfAborted()
      if (this.#failure !== undefined) throw this.#failure.error
      if (this.#ended) return { done: true, value: {} }
      await this.#reading
    }
    const slice = this.#ready.shift() as Slice
    if (slice.done !== true) this.#bytes -= sizeOf(slice.value)
    this.#readOn()
    return slice
  }

  /** Frees everything. Never rejects; `next` throws from now on. */
  async close(): Promise<void> {
    this.#closed.abort(new Error('the page is closed'))
    this.#ready.length = 0
    await this.#reading
    await this.#slices.return({}).catch(() => {})
  }

  #readOn(): void {
    if (this.#ended || this.#closed.signal.aborted || this.#reading !== undefined || this.#bytes >= FIGURES.page.ahead)
      return
    this.#reading = this.#read().finally(() => {
      this.#reading = undefined
      this.#readOn()
    })
  }

  async #read(): Promise<void> {
    const { signal } = this.#closed
    try {
      const slices = await this.#turn(() => this.#some(), { signal, cost: costOf })
      if (signal.aborted) return
      for (const slice of slices) this.#take(slice)
    } catch (error) {
      this.#ended = true
      this.#failure = { error }
    }
  }

  /** A slice, and the next one with it when it is small: most pages are, and then their end is known in one turn. */
  async #some(): Promise<Slice[]> {
    const slice = await this.#slices.next()
    // of nothing but time
    if (slice.done === true || slice.value.length === 0 || sizeOf(slice.value) >= FIGURES.page.smallSlice)
      return [slice]
    return [slice, await this.#slices.next()]
  }

  #take(slice: Slice): void {
    if (slice.done === true) {
      this.#ready.push(slice)
      this.#ended = true
      this.#resolveEnd(slice.value)
      if (slice.value.cursor !== undefined) this.#reach = this.#last
    } else if (slice.value.length > 0) {
      this.#ready.push(slice)
      this.#bytes += sizeOf(slice.value)
      this.#last = slice.value.at(-1)?.sent ?? this.#last
    }
  }
}

/**
 * What slices cost, here and on their way out: how long they lasted says on a busy node what all others did meanwhile. One that
 * brought nothing is only known by its time.
 */
function costOf(slices: readonly Slice[]): number | undefined {
  const { turn, row, bytes } = FIGURES.archive.cost
  let cost: number | undefined
  for (const { done, value } of slices) {
    if (done === true) cost ??= turn
    else if (value.length > 0) cost = (cost ?? turn) + value.length * row + sizeOf(value) / bytes
  }
  return cost
}

function sizeOf(rows: readonly ArchiveRow[]): number {
  let bytes = 0
  for (const { raw } of rows) bytes += raw.length
  return bytes
}
