import type {
  ArchiveFilter,
  ArchiveQuery,
  ArchiveSize,
  ArchiveTrim,
  ArchiveTrimmed,
  SequenceEnd,
  SequenceQuery
} from '../../src/archive/archive.js'
import { compareBytes, equalBytes, toHex } from '../../src/wire/bytes.js'
import { envelopeMatchesBloom } from '../../src/wire/envelope/bloom.js'
import { decodeEnvelope, type Envelope } from '../../src/wire/envelope/envelope.js'
import { decodeCursor, encodeCursor } from '../../src/wire/request/cursor.js'

/** What an archive must do, said in the plainest way: a list that is filtered and sorted for each question. */
export class Model {
  #stored = new Map<string, { envelope: Envelope; seq: number }>()
  #sorted: Envelope[] | undefined
  #lastSeq = 0
  readonly #trims: ArchiveTrim[] = []

  get envelopes(): Envelope[] {
    this.#sorted ??= [...this.#stored.values()].map(({ envelope }) => envelope).sort(byTimeAndHash)
    return this.#sorted
  }

  get lastSeq(): number {
    return this.#lastSeq
  }

  has(envelope: Envelope): boolean {
    return this.#stored.has(envelope.hashHex)
  }

  append(envelopes: Envelope[]): ('stored' | 'known')[] {
    return envelopes.map(envelope => {
      if (this.has(envelope)) return 'known'
      this.#lastSeq += 1
      this.#sorted = undefined
      this.#stored.set(envelope.hashHex, { envelope, seq: this.#lastSeq })
      return 'stored'
    })
  }

  prune(before: number): number {
    return this.trim({ before }).removed
  }

  trim(trim: ArchiveTrim): ArchiveTrimmed {
    const old = this.envelopes.filter(envelope => envelope.sent < trim.before && isMeant(trim, envelope.topic))
    const { most = Number.POSITIVE_INFINITY, envelopes, bytes } = trim
    const counted = envelopes !== undefined || bytes !== undefined
    const seconds = [...new Set(old.map(({ sent }) => sent))]
    const reached =
      seconds.find((second, i) => {
        const gone = old.filter(({ sent }) => sent < second)
        const size = gone.reduce((sum, { size }) => sum + size, 0)
        const enough = counted && gone.length >= (envelopes ?? 0) && size >= (bytes ?? 0)
        return enough || (i > 0 && old.filter(({ sent }) => sent <= second).length > most)
      }) ?? trim.before
    const gone = old.filter(({ sent }) => sent < reached)
    this.#sorted = undefined
    for (const envelope of gone) this.#stored.delete(envelope.hashHex)
    this.#trims.push({ ...trim, before: reached })
    return { removed: gone.length, reached }
  }

  size(filter: ArchiveFilter): ArchiveSize {
    const envelopes = this.matching(filter)
    return { envelopes: envelopes.length, bytes: envelopes.reduce((sum, { size }) => sum + size, 0) }
  }

  /** What may be gone of what matches; topics that nobody named are all alike. */
  oldest({ topics, bloom }: ArchiveFilter): number {
    const floorOf = (topic?: Uint8Array): number =>
      this.#trims.reduce((floor, trim) => (isMeant(trim, topic) ? Math.max(floor, trim.before) : floor), 0)
    const named = this.#trims.flatMap(trim => trim.topics ?? trim.except ?? [])
    const floors =
      topics === undefined
        ? [floorOf(), ...named.filter(topic => bloom === undefined || envelopeMatchesBloom(bloom, topic)).map(floorOf)]
        : topics.map(floorOf)
    return Math.min(Math.max(...floors), 0xffff_ffff)
  }

  query(query: ArchiveQuery): { rows: Envelope[]; cursor: Uint8Array | undefined } {
    const matching = this.envelopes.filter(envelope => matches(query, envelope))
    const rows: Envelope[] = []
    let bytes = 0
    for (const envelope of matching) {
      if (rows.length === query.limit) break
      if (rows.length > 0 && bytes + envelope.size > (query.maxBytes ?? Number.POSITIVE_INFINITY)) break
      rows.push(envelope)
      bytes += envelope.size
    }
    const last = rows.at(-1)
    const more = rows.length < matching.length && last !== undefined
    return { rows, cursor: more ? encodeCursor(last.sent, last.hash) : undefined }
  }

  /** Cut as the first query's pages are; the end says up to where nothing was left out. */
  sequence({ after, limit, maxBytes = Number.POSITIVE_INFINITY, ...filter }: SequenceQuery): {
    rows: { seq: number; raw: Uint8Array }[]
    end: SequenceEnd
  } {
    const matching = [...this.#stored.values()]
      .filter(({ seq, envelope }) => seq > after && matches(filter, envelope))
      .sort((a, b) => a.seq - b.seq)
    const rows: { seq: number; raw: Uint8Array }[] = []
    let bytes = 0
    for (const { seq, envelope } of matching) {
      bytes += envelope.size
      if (rows.length === limit || (rows.length > 0 && bytes > maxBytes))
        return { rows, end: { seq: seq - 1, more: true } }
      rows.push({ seq, raw: envelope.raw })
    }
    return { rows, end: { seq: this.#lastSeq, more: false } }
  }

  matching(filter: ArchiveFilter): Envelope[] {
    return this.envelopes.filter(envelope => matches(filter, envelope))
  }

  /** Takes over what an archive says was appended, where the order of things was open. */
  adopt(rows: { seq: number; raw: Uint8Array }[], lastSeq: number): void {
    this.#sorted = undefined
    for (const { seq, raw } of rows) {
      const envelope = decodeEnvelope(raw)
      this.#stored.set(envelope.hashHex, { envelope, seq })
    }
    this.#lastSeq = lastSeq
  }

  get stats() {
    const envelopes = this.envelopes
    return {
      envelopes: envelopes.length,
      bytes: envelopes.reduce((sum, { size }) => sum + size, 0),
      topics: new Set(envelopes.map(({ topic }) => toHex(topic))).size,
      lastSeq: this.#lastSeq,
      oldest: envelopes[0]?.sent,
      newest: envelopes.at(-1)?.sent
    }
  }
}

function isMeant({ topics, except = [] }: ArchiveTrim, topic: Uint8Array | undefined): boolean {
  const isIn = (list: Uint8Array[]): boolean => topic !== undefined && list.some(other => equalBytes(other, topic))
  return topics === undefined ? !isIn(except) : isIn(topics)
}

export function byTimeAndHash(a: Envelope, b: Envelope): number {
  return a.sent - b.sent || compareBytes(a.hash, b.hash)
}

export function matches(query: ArchiveFilter & { cursor?: Uint8Array | undefined }, envelope: Envelope): boolean {
  if (envelope.sent < query.lower || envelope.sent > query.upper) return false
  if (query.cursor !== undefined) {
    const { sent, hash } = decodeCursor(query.cursor)
    if (envelope.sent < sent || (envelope.sent === sent && compareBytes(envelope.hash, hash) <= 0)) return false
  }
  if (query.topics !== undefined) return query.topics.some(topic => equalBytes(topic, envelope.topic))
  if (query.bloom !== undefined) return envelopeMatchesBloom(query.bloom, envelope.topic)
  return true
}
