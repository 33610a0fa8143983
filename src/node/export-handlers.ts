import { z } from 'zod'
import type { Archive } from '../archive/archive.js'
import { fromHex, toHex } from '../wire/bytes.js'
import { encodeMessages } from '../wire/messages.js'
import { encodeSequenceCursor } from '../wire/sequence-cursor.js'
import { command } from './admin-command.js'
import type { ControlHandler } from './control-server.js'

const uint32 = z.int().min(0).max(0xffffffff)
const hexBytes = (bytes: number) =>
  z
    .string()
    .regex(new RegExp(`^[0-9a-f]{${2 * bytes}}$`))
    .transform(fromHex)
const range = { lower: uint32, upper: uint32, topics: z.array(hexBytes(4)).min(1).max(1000).optional() }
const page = z.strictObject({ ...range, cursor: hexBytes(36).optional() })
const about = z.strictObject({ lower: uint32, upper: uint32 })

const PAGE_ENVELOPES = 4096
const PAGE_BYTES = 1024 * 1024

/** Bytes are base64 and hex. */
export interface ExportPage {
  /** A list of envelopes, as in a Messages packet. */
  body: string
  /** Where the next page begins; absent on the last one. */
  cursor?: string | undefined
  /** Damaged ones, at least, that were left out. */
  damaged: number
}

export interface ExportAbout {
  /** Sequence cursor behind the newest envelope. */
  sequence: string
  since: number
  oldest: number
  gaps: { from: number; until: number; kind: number; count: number }[]
  envelopes: number
  newest?: number | undefined
}

/** Hands out what is stored, a page at a time: nothing of the archive waits between two of them. */
export function exportHandlers({ archive }: { archive: Archive }): Record<string, ControlHandler> {
  return {
    'export.about': command(about, async ({ lower, upper }): Promise<ExportAbout> => {
      const { lastSeq, since, oldest, gaps } = await archive.coverage({ lower, upper })
      const sequence = toHex(encodeSequenceCursor({ archiveId: archive.id, seq: lastSeq }))
      const { envelopes, newest } = await archive.stats()
      return { sequence, since, oldest, gaps, envelopes, newest }
    }),
    'export.page': command(page, async (query, { signal }): Promise<ExportPage> => {
      const rows = archive.query({ ...query, limit: PAGE_ENVELOPES, maxBytes: PAGE_BYTES, signal })
      const raws: Uint8Array[] = []
      for (;;) {
        const { value, done } = await rows.next()
        if (done !== true) {
          for (const { raw } of value) raws.push(raw)
          continue
        }
        const body = Buffer.from(encodeMessages(raws)).toString('base64')
        return { body, cursor: value.cursor && toHex(value.cursor), damaged: value.damaged ?? 0 }
      }
    })
  }
}
