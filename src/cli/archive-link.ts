import type { ExportAbout, ExportPage } from '../node/control/export-handlers.js'
import type { ExportHead } from '../transfer/export-item.js'
import type { ImportCounts, ImportSink } from '../transfer/import.js'
import { fromHex, joinBytes, toHex } from '../wire/bytes.js'
import { encodeMessages, splitMessages } from '../wire/packet/messages.js'
import { randomBytes } from '../wire/random.js'
import { decodeSequenceCursor } from '../wire/request/sequence-cursor.js'
import type { Ask } from './admin-session.js'

/** What is to be read out of an archive. */
export interface ArchiveSelection {
  /** `sent`, Unix seconds, inclusive. */
  lower: number
  upper: number
  /** 4 bytes each. */
  topics?: Uint8Array[] | undefined
}

/** The archive of a data dir as an import writes to it. */
export function sinkOf(ask: Ask): ImportSink {
  return {
    async begin(source) {
      return (await ask<{ mark?: string }>('import.begin', { source })).mark
    },
    append: (source, { raws, positions, mark }) =>
      ask<ImportCounts>('import.append', {
        source,
        body: encodeMessages(raws),
        ...(positions === undefined ? {} : { positions: joinBytes(positions) }),
        mark
      }),
    end: source => ask('import.end', { source })
  }
}

/** The head of an export that is made now. */
export async function headOf(ask: Ask, { lower, upper, topics }: ArchiveSelection): Promise<ExportHead & Counted> {
  const about = await ask<ExportAbout>('export.about', { lower, upper })
  const { since, oldest, gaps, envelopes, newest } = about
  const coverage = { since, oldest, sequence: fromHex(about.sequence), more: false, gaps }
  decodeSequenceCursor(coverage.sequence)
  const created = Math.floor(Date.now() / 1000)
  return { id: randomBytes(16), created, salt: randomBytes(32), lower, upper, topics, coverage, envelopes, newest }
}

interface Counted {
  /** In the whole archive. */
  envelopes: number
  newest?: number | undefined
}

/** What matches, a page at a time, in ascending order. `onPage` is told how many came, and how many are damaged. */
export async function* pagesOf(
  ask: Ask,
  { lower, upper, topics }: ArchiveSelection,
  onPage: (page: { raws: readonly Uint8Array[]; cursor?: Uint8Array | undefined; damaged: number }) => void
): AsyncGenerator<Uint8Array[], void> {
  const query = { lower, upper, topics: topics?.map(toHex) }
  let cursor: string | undefined
  do {
    const page = await ask<ExportPage>('export.page', { ...query, cursor })
    const raws = rawsOf(page.body)
    cursor = page.cursor
    onPage({ raws, cursor: cursor === undefined ? undefined : fromHex(cursor), damaged: page.damaged })
    yield raws
  } while (cursor !== undefined)
}

/** The envelopes of a page, out of its base64. */
export function rawsOf(body: string): Uint8Array[] {
  return splitMessages(Uint8Array.from(Buffer.from(body, 'base64'))).map(({ raw }) => raw)
}
