import { toHex } from '../wire/bytes.js'
import { decodeEnvelope } from '../wire/envelope/envelope.js'
import { topicNumber } from '../wire/envelope/topic.js'
import type { ImportBatch, ImportSource, SourceEnd, SourceRange } from './import-source.js'

/** Why envelopes were left out by the rules of the archive. */
export type ImportRefusal = 'retention' | 'topics' | 'future' | 'size'

/** What became of a batch. */
export interface ImportCounts {
  stored: number
  /** Those that were here before. */
  known: number
  refused: Record<ImportRefusal, number>
  /** No envelopes, or not those that the source says they are. */
  damaged: number
}

/** Where an import goes: the archive of a running node, or of a data dir that none runs on. */
export interface ImportSink {
  /** The mark of an earlier run that was interrupted. To be called before the first batch of each run. */
  begin(source: string): Promise<string | undefined>
  /**
   * On disk when it resolves, and the mark with it. May be called again meanwhile: batches of a source end in the order in which they were
   * given, and none after one that failed.
   */
  append(source: string, batch: Pick<ImportBatch, 'raws' | 'positions' | 'mark'>): Promise<ImportCounts>
  /** The source was read to its end. */
  end(source: string): Promise<void>
}

export interface ImportProgress extends ImportCounts {
  /** Envelopes read. */
  envelopes: number
  bytes: number
  /** 0..1 */
  done: number
  /** Since it began, s. */
  seconds: number
  /** Seconds, estimated; absent while it cannot be told. */
  remaining?: number | undefined
}

export interface ImportSummary extends ImportCounts {
  source: string
  /** Whether it went on where an earlier run had stopped. */
  resumed: boolean
  envelopes: number
  bytes: number
  seconds: number
  /** Entries that no mailserver wrote, or too large. */
  skipped: number
  unread?: string | undefined
}

export interface ImportOptions extends SourceRange {
  /** Begins anew, whatever an earlier run noted. */
  anew?: boolean | undefined
  /** 4 bytes each; all topics when absent. */
  topics?: readonly Uint8Array[] | undefined
  signal: AbortSignal
  onProgress?: ((progress: ImportProgress) => void) | undefined
}

/** Batches that are stored at the same time: one is hashed and encoded while the disk has another, and the mark of a third. */
const UNDER_WAY = 3

/**
 * Copies what a source holds into an archive: each batch on disk before its mark, the next ones read meanwhile. What is there
 * already is counted as known.
 *
 * @throws what the source or the sink throws, or the signal's reason; what was stored until then is kept, and its end noted
 */
export async function runImport(
  source: ImportSource,
  sink: ImportSink,
  options: ImportOptions
): Promise<ImportSummary> {
  const { lower, upper, signal, topics } = options
  const wants = topics && wantsTopics(topics)
  const id = [source.id, lower, upper, ...(topics ?? []).map(toHex).sort()].join(' ')
  const noted = await sink.begin(id)
  const mark = options.anew === true ? undefined : noted
  const sum: ImportSummary = { source: source.what, resumed: mark !== undefined, ...nothing(), bytes: 0, seconds: 0 }
  const started = performance.now()
  let first: number | undefined
  const batches = ahead(source.batches({ lower, upper, after: mark, signal }))
  const underWay: { batch: ImportBatch; counts: Promise<ImportCounts> }[] = []
  const oldest = async (): Promise<void> => {
    const { batch, counts } = underWay.shift() as (typeof underWay)[number]
    add(sum, await counts)
    sum.envelopes += batch.raws.length
    sum.bytes += batch.raws.reduce((bytes, raw) => bytes + raw.length, 0)
    sum.skipped += batch.skipped ?? 0
    sum.seconds = (performance.now() - started) / 1000
    first ??= batch.done
    options.onProgress?.({ ...sum, done: batch.done, remaining: remaining(sum.seconds, first, batch.done) })
    signal.throwIfAborted()
  }
  try {
    for (;;) {
      const next = await batches.next()
      if (next.done === true) {
        sum.unread = next.value.unread
        break
      }
      const batch = wants === undefined ? next.value : only(next.value, wants)
      const counts = sink.append(id, batch)
      counts.catch(() => {}) // told by who awaits it
      underWay.push({ batch, counts })
      if (underWay.length === UNDER_WAY) await oldest()
    }
    while (underWay.length > 0) await oldest()
  } finally {
    // where it was broken off, what was begun is stored and marked before anybody closes the archive
    await Promise.allSettled(underWay.map(({ counts }) => counts))
    await batches.return()
  }
  if (sum.unread === undefined) await sink.end(id)
  sum.seconds = (performance.now() - started) / 1000
  return sum
}

/** The first batch is the start: what came before it was passed over by its mark. */
function remaining(seconds: number, first: number, done: number): number | undefined {
  return done > first ? (seconds * (1 - done)) / (done - first) : undefined
}

function nothing() {
  const refused: ImportCounts['refused'] = { retention: 0, topics: 0, future: 0, size: 0 }
  return { envelopes: 0, stored: 0, known: 0, refused, damaged: 0, skipped: 0 }
}

function add(sum: ImportSummary, { stored, known, refused, damaged }: ImportCounts): void {
  sum.stored += stored
  sum.known += known
  sum.damaged += damaged
  for (const why of Object.keys(refused) as ImportRefusal[]) sum.refused[why] += refused[why]
}

function wantsTopics(topics: readonly Uint8Array[]): (raw: Uint8Array) => boolean {
  const wanted = new Set(topics.map(topicNumber))
  return raw => {
    try {
      return wanted.has(decodeEnvelope(raw).topicNumber)
    } catch {
      return true // it is counted as damaged
    }
  }
}

function only({ raws, positions, ...batch }: ImportBatch, wants: (raw: Uint8Array) => boolean): ImportBatch {
  const which = raws.map(wants)
  const chosen = <T>(of: T[]): T[] => of.filter((_, i) => which[i])
  return { ...batch, raws: chosen(raws), ...(positions === undefined ? {} : { positions: chosen(positions) }) }
}

/** Reads one batch ahead. */
function ahead(batches: AsyncGenerator<ImportBatch, SourceEnd>) {
  const read = (): Promise<IteratorResult<ImportBatch, SourceEnd>> => {
    const next = batches.next()
    next.catch(() => {}) // told by who awaits it
    return next
  }
  let coming = read()
  return {
    async next(): Promise<IteratorResult<ImportBatch, SourceEnd>> {
      const result = await coming
      if (result.done !== true) coming = read()
      return result
    },
    async return(): Promise<void> {
      await coming.catch(() => {})
      await batches.return({})
    }
  }
}
