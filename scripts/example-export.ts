import type { ExportHead } from '../src/transfer/export-item.js'
import { type ExportForm, writeExport } from '../src/transfer/export-writer.js'
import { fromHex, MAX_UINT32 } from '../src/wire/bytes.js'
import { encodeEnvelope } from '../src/wire/envelope/envelope.js'
import { encodeSequenceCursor } from '../src/wire/request/sequence-cursor.js'

/** The worked bytes of protocols/export.md: the binary form, a frame in each piece, and the form of JSON lines. */
export async function exampleExport(): Promise<{ binary: Uint8Array[]; lines: string }> {
  const { raw } = encodeEnvelope({
    expiry: 0,
    ttl: 1,
    topic: new Uint8Array(4),
    data: fromHex('deadbeef'),
    nonce: 276n
  })
  const sequence = encodeSequenceCursor({ archiveId: new Uint8Array(8).fill(0xa1), seq: 1 })
  const head: ExportHead = {
    id: new Uint8Array(16).fill(0x11),
    created: 1_700_000_000,
    salt: new Uint8Array(32).fill(0x22),
    lower: 0,
    upper: MAX_UINT32,
    coverage: { since: 1_600_000_000, oldest: 0, sequence, more: false, gaps: [] }
  }
  const pages = {
    async *[Symbol.asyncIterator]() {
      yield [raw]
    }
  }
  const all = async (form: ExportForm): Promise<Uint8Array[]> => {
    const pieces: Uint8Array[] = []
    for await (const piece of writeExport(form, { head, pages })) pieces.push(piece)
    return pieces
  }
  return { binary: await all('binary'), lines: Buffer.concat(await all('json')).toString() }
}
