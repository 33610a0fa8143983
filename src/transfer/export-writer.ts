import { createHash, type Hash } from 'node:crypto'
import { decodeEnvelope } from '../wire/envelope/envelope.js'
import { Fingerprint } from '../wire/request/fingerprint.js'
import { signCourier } from './courier-signature.js'
import { encodeEnd, encodeEnvelopes, encodeHead, encodeRecord, encodeSignature } from './export-binary.js'
import type { ExportEnd, ExportHead, ExportRecord } from './export-item.js'
import { endToLine, envelopeToLine, headToLine } from './export-lines.js'

export type ExportForm = 'binary' | 'json'

export interface ExportParts {
  head: ExportHead
  /** Only in binary form. */
  records?: readonly ExportRecord[] | undefined
  /** Envelopes a few at a time, at most 4 MiB of them. */
  pages: AsyncIterable<readonly Uint8Array[]>
  /** The secp256k1 key that signs it, 32 bytes; that of `head.from`. Only in binary form. */
  signWith?: Uint8Array | undefined
  /** Told how it ended, before its last bytes are given. */
  onEnd?: ((end: ExportEnd) => void) | undefined
}

/** The bytes of an export, uncompressed, as they are made. */
export async function* writeExport(form: ExportForm, parts: ExportParts): AsyncGenerator<Uint8Array, void> {
  const sum = new Fingerprint(parts.head.salt)
  const hash = createHash('sha256')
  for await (const bytes of form === 'json' ? lines(parts, sum) : frames(parts, sum)) {
    if (parts.signWith !== undefined) hash.update(bytes)
    yield bytes
  }
  if (parts.signWith !== undefined) yield signature(hash, parts.signWith)
}

async function* frames({ head, records = [], pages, onEnd }: ExportParts, sum: Fingerprint) {
  yield* encodeHead(head)
  for (const record of records) yield encodeRecord(record)
  for await (const raws of pages) {
    for (const raw of raws) sum.add(decodeEnvelope(raw).hash)
    if (raws.length > 0) yield encodeEnvelopes(raws)
  }
  const end = endOf(sum)
  onEnd?.(end)
  yield encodeEnd(end)
}

async function* lines({ head, pages, onEnd }: ExportParts, sum: Fingerprint) {
  yield headToLine(head)
  for await (const raws of pages) {
    const page = raws.map(raw => {
      const envelope = decodeEnvelope(raw)
      sum.add(envelope.hash)
      return envelopeToLine(envelope)
    })
    if (page.length > 0) yield Buffer.concat(page)
  }
  const end = endOf(sum)
  onEnd?.(end)
  yield endToLine(end)
}

function endOf(sum: Fingerprint): ExportEnd {
  return { count: sum.count, fingerprint: sum.bytes }
}

function signature(hash: Hash, key: Uint8Array): Uint8Array {
  return encodeSignature(signCourier(hash.digest(), key))
}
