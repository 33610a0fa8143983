import type { ArchiveQuery } from '../archive/archive.js'
import { toHex } from '../wire/bytes.js'
import type { Envelope } from '../wire/envelope/envelope.js'
import type { PageReader } from './page-reader.js'

export interface ReadAheadLimits {
  /** Pages kept at a time, of all peers and of one; the oldest gives way. */
  max: number
  maxPerPeer: number
  /** How long a page waits to be asked for, in ms. */
  patience: number
}

interface Kept {
  owner: string
  reader: PageReader
  timer: ReturnType<typeof setTimeout>
}

/**
 * The next pages of walks that are under way, read while the requester still deals with the last one. What was archived
 * after a page was read and belongs into it makes that page be read anew.
 */
export class ReadAhead {
  readonly #limits: ReadAheadLimits
  readonly #kept = new Map<string, Kept>()

  constructor(limits: ReadAheadLimits) {
    this.#limits = limits
  }

  keep(owner: string, query: ArchiveQuery, reader: PageReader): void {
    const name = nameOf(owner, query)
    void this.#drop(name)
    const mine = [...this.#kept].filter(([, kept]) => kept.owner === owner)
    if (mine.length >= this.#limits.maxPerPeer) void this.#drop(mine[0]?.[0])
    if (this.#kept.size >= this.#limits.max) void this.#drop(this.#kept.keys().next().value)
    const timer = setTimeout(() => void this.#drop(name), this.#limits.patience)
    this.#kept.set(name, { owner, reader, timer })
  }

  /** The page that answers this query, when it was kept. It is the caller's to close. */
  take(owner: string, query: ArchiveQuery): PageReader | undefined {
    if (query.cursor === undefined) return undefined
    const name = nameOf(owner, query)
    const kept = this.#kept.get(name)
    if (kept === undefined) return undefined
    clearTimeout(kept.timer)
    this.#kept.delete(name)
    return kept.reader
  }

  /** To be told before an append is confirmed. */
  appended(envelopes: readonly Envelope[]): void {
    if (this.#kept.size === 0) return
    const oldest = envelopes.reduce((min, { sent }) => Math.min(min, sent), Number.POSITIVE_INFINITY)
    for (const [name, { reader }] of this.#kept) if (reader.reach >= oldest) void this.#drop(name)
  }

  /** Resolves when nothing is read any more. */
  async close(): Promise<void> {
    await Promise.all([...this.#kept.keys()].map(name => this.#drop(name)))
  }

  async #drop(name: string | undefined): Promise<void> {
    const kept = name === undefined ? undefined : this.#kept.get(name)
    if (name === undefined || kept === undefined) return
    clearTimeout(kept.timer)
    this.#kept.delete(name)
    await kept.reader.close()
  }
}

function nameOf(owner: string, { lower, upper, topics, bloom, cursor, limit, maxBytes }: ArchiveQuery): string {
  const filter = topics === undefined ? bloom && toHex(bloom) : `t${topics.map(toHex).join()}`
  return [owner, lower, upper, filter, cursor && toHex(cursor), limit, maxBytes].join(' ')
}
