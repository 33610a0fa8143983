import { ExportFormatError } from '../../../src/transfer/errors.js'
import {
  BinaryExport,
  encodeEnd,
  encodeEnvelopes,
  encodeHead,
  encodeRecord
} from '../../../src/transfer/export-binary.js'
import { EXPORT_MAGIC, encodeExportFrame } from '../../../src/transfer/export-frame.js'
import type { ExportItem } from '../../../src/transfer/export-item.js'
import { endToLine, headToLine, LinesExport } from '../../../src/transfer/export-lines.js'
import { concatBytes, joinBytes } from '../../../src/wire/bytes.js'
import { check, checkSame, checkSmall, type FuzzTarget, read } from '../oracle.js'

const BRACE = 0x7b
const FRAME_KINDS = 6

/** An export or a courier file: JSON lines, or frames. Of those the checksum is put right: no fuzzer guesses it. */
export const fuzz: FuzzTarget = input => {
  const lines = input[0] === BRACE
  const bytes = lines ? input : framed(input)
  const items = read(() => itemsOf(lines, bytes), ExportFormatError)
  const halved = read(() => itemsOf(lines, bytes, bytes.length >> 1), ExportFormatError)
  if (items === undefined) {
    check(halved === undefined, 'in two pieces it is read')
    return false
  }
  checkSmall(items, bytes, { factor: 64 })
  check(halved !== undefined, 'in two pieces it is not read')
  checkSame(whole(halved), whole(items), 'in two pieces it differs')
  for (const item of items) checkAgain(item, lines)
  return items.length > 0
}

/** The kind of each frame, its length, its payload. */
function framed(input: Uint8Array): Uint8Array {
  const frames: Uint8Array[] = []
  for (let at = 0; at + 2 <= input.length; ) {
    const [kind = 0, length = 0] = input.subarray(at, at + 2)
    frames.push(encodeExportFrame(kind % FRAME_KINDS, input.slice(at + 2, at + 2 + length)))
    at += 2 + length
  }
  return joinBytes([EXPORT_MAGIC, ...frames])
}

function itemsOf(lines: boolean, bytes: Uint8Array, cut = bytes.length): ExportItem[] {
  const reader = lines ? new LinesExport() : new BinaryExport()
  const items: ExportItem[] = []
  for (const piece of [bytes.slice(0, cut), bytes.slice(cut)]) items.push(...reader.push(piece))
  return items
}

/** Lines come in groups, by how they arrive. */
function whole(items: readonly ExportItem[]): unknown[] {
  return items.flatMap((item): unknown[] => (item.kind === 'envelopes' ? item.raws.map(raw => ({ raw })) : [item]))
}

function checkAgain(item: ExportItem, lines: boolean): void {
  const written =
    item.kind === 'head'
      ? lines
        ? headToLine(item.head)
        : concatBytes(...encodeHead(item.head))
      : item.kind === 'end'
        ? lines
          ? endToLine(item.end)
          : concatBytes(EXPORT_MAGIC, encodeEnd(item.end))
        : item.kind === 'record'
          ? concatBytes(EXPORT_MAGIC, encodeRecord(item.record))
          : item.kind === 'envelopes' && !lines
            ? concatBytes(EXPORT_MAGIC, encodeEnvelopes(item.raws))
            : undefined
  if (written === undefined) return
  const [again] = itemsOf(lines, written)
  checkSame(again, item, 'written and read it differs')
}
