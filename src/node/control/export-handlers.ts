import type { Datastore } from 'interface-datastore'
import { z } from 'zod'
import type { Archive } from '../../archive/archive.js'
import { fromHex, MAX_UINT32, toHex } from '../../wire/bytes.js'
import { encodeMessages } from '../../wire/packet/messages.js'
import { MAX_DIGEST_PARTS } from '../../wire/request/digest.js'
import { Fingerprint } from '../../wire/request/fingerprint.js'
import { MAX_REQUEST_TOPICS } from '../../wire/request/history-request.js'
import { encodeSequenceCursor } from '../../wire/request/sequence-cursor.js'
import { command } from './admin-command.js'
import type { ControlHandler } from './control-server.js'

const uint32 = z.int().min(0).max(0xffffffff)
const hexBytes = (bytes: number) =>
  z
    .string()
    .regex(new RegExp(`^[0-9a-f]{${2 * bytes}}$`))
    .transform(fromHex)
const range = { lower: uint32, upper: uint32, topics: z.array(hexBytes(4)).min(1).max(MAX_REQUEST_TOPICS).optional() }
const page = z.strictObject({ ...range, cursor: hexBytes(36).optional() })
const about = z.strictObject({ lower: uint32, upper: uint32 })

const sequence = z.strictObject({ after: z.int().min(0), until: z.int().min(0) })
const digest = z.strictObject({
  lower: uint32,
  upper: uint32,
  salt: hexBytes(32),
  parts: z.int().min(1).max(MAX_DIGEST_PARTS)
})

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

/** A page in the order of ingest. */
export interface SequencePage {
  body: string
  /** Looked at up to here; that of `until` at the end. */
  seq: number
  damaged: number
}

export interface DayDigest {
  lower: number
  count: number
  /** Hex. */
  fingerprint: string
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

export interface ExportParts {
  archive: Archive
  /** The node's own records. */
  datastore: Datastore
}

/** Hands out what is stored, a page at a time: nothing of the archive waits between two of them. */
export function exportHandlers({ archive, datastore }: ExportParts): Record<string, ControlHandler> {
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
        return { body: bodyOf(raws), cursor: value.cursor && toHex(value.cursor), damaged: value.damaged ?? 0 }
      }
    }),
    'export.sequence': command(sequence, async ({ after, until }, { signal }): Promise<SequencePage> => {
      const limit = Math.max(1, Math.min(PAGE_ENVELOPES, until - after))
      const rows = archive.sequence({ ...EVERYTHING, after, limit, maxBytes: PAGE_BYTES, signal })
      const raws: Uint8Array[] = []
      for (;;) {
        const { value, done } = await rows.next()
        if (done === true) {
          const seq = value.more ? value.seq : Math.max(value.seq, until)
          return { body: bodyOf(raws), seq, damaged: value.damaged ?? 0 }
        }
        for (const { raw, seq } of value) if (seq <= until) raws.push(raw)
      }
    }),
    'export.digest': command(digest, async (question, { signal }): Promise<DayDigest[]> => {
      const work = archive.digest({ ...question, by: 'time', signal })
      for (;;) {
        const { value, done } = await work.next()
        if (done !== true) continue
        return value.map(({ lower, count, hashes, fingerprint }) => ({
          lower,
          count,
          fingerprint: toHex(fingerprint ?? sumOf(question.salt, hashes ?? []))
        }))
      }
    }),
    'export.records': command(z.strictObject({}), async () => {
      const records: [key: string, value: string][] = []
      for await (const { key, value } of datastore.query({})) {
        records.push([key.toString(), Buffer.from(value).toString('base64')])
      }
      return records
    })
  }
}

const EVERYTHING = { lower: 0, upper: MAX_UINT32 }

function bodyOf(raws: readonly Uint8Array[]): string {
  return Buffer.from(encodeMessages(raws)).toString('base64')
}

function sumOf(salt: Uint8Array, hashes: readonly Uint8Array[]): Uint8Array {
  const sum = new Fingerprint(salt)
  for (const hash of hashes) sum.add(hash)
  return sum.bytes
}
