import type { Archive, ArchiveQuery, DigestQuery, SequenceQuery } from '../archive/archive.js'
import { ArchiveDamagedError } from '../archive/errors.js'
import type { FairQueue } from '../limits/fair-queue.js'
import type { Origin } from '../limits/origin.js'
import type { IncomingRequest } from '../waku/mail-exchange.js'
import { equalBytes } from '../wire/bytes.js'
import { coverageItem } from '../wire/request/coverage.js'
import type { DigestPart } from '../wire/request/digest.js'
import { ExtensionKey, type Extensions } from '../wire/request/extension.js'
import type { SettledRequest } from '../wire/request/history-request.js'
import type { AnswerForm } from '../wire/request/mail-codec.js'
import { RequestError, RequestErrorCode } from '../wire/request/request-error.js'
import { encodeSequenceCursor } from '../wire/request/sequence-cursor.js'
import { itemOf } from '../wire/structure.js'
import type { Answer } from './answer.js'
import type { CoverageReport } from './coverage-report.js'
import { deliverPage, roomFor } from './page-delivery.js'
import { type PageEnd, PageReader, type PageReaderParts, type PageSlices } from './page-reader.js'
import type { ReadAhead } from './read-ahead.js'

type PageQuery = PageReaderParts['query']

export interface HistoryDeliveryParts {
  archive: Pick<Archive, 'id' | 'query' | 'sequence' | 'digest' | 'coverage'>
  /** For the archive. Sending is no part of a turn: a slow reader holds nobody up. */
  queue: FairQueue
  ahead: ReadAhead
  coverage: CoverageReport
  /** Most bytes of the 0x7f bodies of a page. */
  pageBytes: number
  /** Whether pages may still be read that nobody has asked for yet. */
  running(): boolean
}

/** A request that was read, and how it is answered. */
export interface OpenedRequest {
  settled: SettledRequest
  form: AnswerForm
}

/** What the completion says besides. */
export interface HistoryEnd {
  /** 36 bytes; there exactly when more exists, in the order of time. */
  cursor?: Uint8Array | undefined
  /** As of `ArchiveEnd`. */
  damaged?: number | undefined
  extensions?: Extensions | undefined
}

/** Answers requests out of the archive: a page in the order of time or of ingest, or a digest. */
export class HistoryDelivery {
  readonly #parts: HistoryDeliveryParts

  constructor(parts: HistoryDeliveryParts) {
    this.#parts = parts
  }

  /** @throws {RequestError} */
  async deliver(request: IncomingRequest, opened: OpenedRequest, answer: Answer): Promise<HistoryEnd> {
    const { settled } = opened
    const extensions: Extensions = new Map()
    const { digest } = settled
    if (digest !== undefined && digest.parts > 0) {
      const digests = await this.#digest(request, { ...settled, ...digest })
      await this.#addCoverage(extensions, settled, { more: false, digests })
      return { extensions }
    }
    const end =
      settled.sequence === undefined
        ? await this.#page(request, opened, answer)
        : await this.#sequencePage(request, opened, answer)
    const { cursor, sequence } = end
    if (sequence !== undefined) {
      const next = encodeSequenceCursor({ archiveId: this.#parts.archive.id, seq: sequence.seq })
      extensions.set(ExtensionKey.sequence, itemOf(next))
    }
    const more = cursor !== undefined || sequence?.more === true
    if (digest !== undefined) await this.#addCoverage(extensions, settled, { more, digests: [] })
    return { cursor, damaged: end.damaged ?? sequence?.damaged, extensions }
  }

  #page(request: IncomingRequest, { settled, form }: OpenedRequest, answer: Answer): Promise<PageEnd> {
    const { signal, origin } = request
    const query: ArchiveQuery = { ...settled, maxBytes: this.#room(request, form) }
    const reader = this.#parts.ahead.take(origin.peer, query) ?? this.#read(origin, query)
    void reader.end.then(end => {
      if (end.cursor !== undefined && !signal.aborted) this.#readAhead(origin, { ...query, cursor: end.cursor })
    })
    return this.#send(request, reader, { form, answer })
  }

  async #sequencePage(request: IncomingRequest, { settled, form }: OpenedRequest, answer: Answer): Promise<PageEnd> {
    const { archive } = this.#parts
    const after = await this.#numberOf(settled)
    const query: SequenceQuery = { ...settled, after, maxBytes: this.#room(request, form) }
    const slices: PageQuery = (signal, onVisited) =>
      asPage(archive.sequence({ ...query, signal, onVisited, brief: this.#brief }))
    return this.#send(request, this.#reader(request.origin, slices), { form, answer })
  }

  /** The number that a sequence cursor of this archive names. */
  async #numberOf({ sequence, lower, upper }: SettledRequest): Promise<number> {
    if (sequence === undefined || sequence === 'beginning') return 0
    const { archive } = this.#parts
    const refused = (text: string): RequestError => new RequestError(RequestErrorCode.cursor, text)
    if (!equalBytes(sequence.archiveId, archive.id)) throw refused('the sequence cursor is that of another archive')
    const { lastSeq } = await archive.coverage({ lower, upper })
    if (sequence.seq > lastSeq) throw refused('the sequence cursor was not given out yet')
    return sequence.seq
  }

  /** Its work is done in turns, as that of a page is. */
  async #digest({ origin, signal }: IncomingRequest, query: DigestQuery): Promise<DigestPart[]> {
    const { archive, queue } = this.#parts
    const steps = archive.digest({ ...query, signal })
    try {
      for (;;) {
        const step = await queue.run(origin, () => steps.next(), { signal })
        if (step.done === true) return step.value
      }
    } catch (cause) {
      if (signal.aborted || cause instanceof RequestError) throw cause
      const damaged = (cause as Error).name === ArchiveDamagedError.name
      throw new RequestError(RequestErrorCode.internal, damaged ? (cause as Error).message : 'the archive failed', {
        cause
      })
    } finally {
      await steps.return([])
    }
  }

  async #addCoverage(
    extensions: Extensions,
    settled: SettledRequest,
    { more, digests }: { more: boolean; digests: DigestPart[] }
  ): Promise<void> {
    const coverage = await this.#parts.coverage.describe(settled, more)
    extensions.set(ExtensionKey.coverage, coverageItem({ coverage, digests }))
  }

  async #send(
    { signal }: IncomingRequest,
    reader: PageReader,
    { form, answer }: { form: AnswerForm; answer: Answer }
  ): Promise<PageEnd> {
    const stop = (): void => void reader.close()
    signal.addEventListener('abort', stop)
    try {
      return await deliverPage({
        form,
        next: () => reader.next(),
        send: (code, body) => answer.send(code, body),
        onSent: rows => answer.sent(rows)
      })
    } finally {
      signal.removeEventListener('abort', stop)
      answer.visited = reader.visited
      await reader.close()
    }
  }

  #room({ maxPageBytes = Number.POSITIVE_INFINITY }: IncomingRequest, form: AnswerForm): number | undefined {
    return form.limitRule === 'stream' ? undefined : roomFor(Math.min(this.#parts.pageBytes, maxPageBytes))
  }

  #read(origin: Origin, query: ArchiveQuery): PageReader {
    return this.#reader(origin, (signal, onVisited) =>
      this.#parts.archive.query({ ...query, signal, onVisited, brief: this.#brief })
    )
  }

  #reader(origin: Origin, query: PageQuery): PageReader {
    return new PageReader({ query, turn: (work, options) => this.#parts.queue.run(origin, work, options) })
  }

  /** Who waits for a turn waits for a slice of somebody else. */
  readonly #brief = (): boolean => this.#parts.queue.crowded

  /** Whoever waits for a turn comes first. */
  #readAhead(origin: Origin, query: ArchiveQuery): void {
    const { ahead, running, queue } = this.#parts
    if (running() && queue.idle) ahead.keep(origin.peer, query, this.#read(origin, query))
  }
}

async function* asPage(slices: ReturnType<Archive['sequence']>): PageSlices {
  return { sequence: yield* slices }
}
