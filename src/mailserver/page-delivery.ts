import type { ArchiveRow } from '../archive/archive.js'
import * as FIGURES from '../limits/figures.js'
import { PacketCode } from '../wire/packet/packet-code.js'
import type { AnswerForm } from '../wire/request/mail-codec.js'
import { RequestError, RequestErrorCode } from '../wire/request/request-error.js'
import type { PageEnd } from './page-reader.js'

/** What a list header takes at most. */
const HEADER = 4

/**
 * How many bytes of envelopes fit a page whose 0x7f bodies together may have `pageBytes`. Each body costs a header; of
 * two that follow each other one is at least 64 KiB long.
 */
export function roomFor(pageBytes: number): number {
  return Math.max(0, pageBytes - HEADER * 2 * (Math.floor(pageBytes / FIGURES.page.least) + 1))
}

export interface PageParts {
  form: AnswerForm
  /** The next slice. */
  next(): Promise<IteratorResult<ArchiveRow[], PageEnd>>
  /** Sends a packet; awaiting it is the backpressure. */
  send(code: number, body: readonly Uint8Array[]): Promise<void>
  /** Rows that left, in order. */
  onSent(rows: readonly ArchiveRow[]): void
}

/**
 * Sends the rows of a query packed into 0x7f bodies, each row's bytes as they were stored. No more than a slice and one body
 * are held.
 *
 * @throws {RequestError} internal, when the archive failed
 */
export async function deliverPage({ form, next, send, onSent }: PageParts): Promise<PageEnd> {
  let rows: ArchiveRow[] = []
  let bytes = 0
  const flush = async (): Promise<void> => {
    if (rows.length === 0) return
    for (const body of form.bodies(rows.map(row => row.raw))) await send(PacketCode.P2PMessage, body)
    onSent(rows)
    rows = []
    bytes = 0
  }
  for (;;) {
    const step = await next().catch(cause => {
      throw new RequestError(RequestErrorCode.internal, 'the archive failed', { cause })
    })
    if (step.done === true) {
      await flush()
      return step.value
    }
    for (const row of step.value) {
      const sum = bytes + row.raw.length
      if ((bytes >= FIGURES.page.least && sum > FIGURES.page.most) || sum + HEADER > FIGURES.packet.max) await flush()
      rows.push(row)
      bytes += row.raw.length
      if (bytes >= FIGURES.page.full) await flush()
    }
    // what is worth a packet does not wait for the next slice
    if (bytes >= FIGURES.page.least) await flush()
  }
}
