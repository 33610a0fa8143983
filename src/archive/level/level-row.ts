import { crc32 } from 'node:zlib'
import { equalBytes, joinBytes, readUint32, writeUint32 } from '../../wire/bytes.js'
import { decodeEnvelope, type Envelope } from '../../wire/envelope/envelope.js'
import { MalformedError } from '../../wire/errors.js'
import { keccak256 } from '../../wire/keccak.js'
import { put32, read64, small, view } from './level-bytes.js'

// What is stored of an envelope under its key, integers big-endian:
//
//   3(1) seq(7) checksum(4) raw     the checksum is the CRC-32 of key, seq and raw
//   seq(8) raw                      of format 2 and 1; the first byte is 0, and the hash in the key tells what raw has to be

const CHECKED = 3
const HEADER = 12
/** Sent, hash and topic. */
const FIELDS = 40
const OLD_HEADER = 8

/**
 * @param key - a key that has the fields, or those alone: sent, hash and topic, 40 bytes
 * @param seq - below 2^53
 * @param at - where they begin in the key
 */
export function encodeRow(key: Uint8Array, seq: number, raw: Uint8Array, at = 0): Uint8Array {
  const row = small(HEADER + raw.length)
  put32(row, 0, Math.floor(seq / 2 ** 32))
  put32(row, 4, seq)
  row[0] = CHECKED
  row.set(raw, HEADER)
  put32(row, 8, checksum(key, at, row, raw))
  return row
}

/**
 * The envelope of a row, the very bytes that were stored; undefined when they, or the key, are not what they were.
 * @param key - a key that has the fields, or those alone
 * @param at - where they begin in it
 */
export function readRow(key: Uint8Array, row: Uint8Array, at = 0): Uint8Array | undefined {
  if (row.length < HEADER || key.length !== at + FIELDS) return undefined
  if (row[0] === CHECKED) {
    const raw = view(row, HEADER, row.length - HEADER)
    return word(row, 8) === checksum(key, at, row, raw) ? raw : undefined
  }
  const raw = view(row, OLD_HEADER, row.length - OLD_HEADER)
  return row[0] === 0 && equalBytes(keccak256(raw), view(key, at + 4, 32)) ? raw : undefined
}

/** The bytes of the envelope in a row, whatever they are. */
const rawOf = (row: Uint8Array): Uint8Array => {
  const from = Math.min(row.length, row[0] === CHECKED ? HEADER : OLD_HEADER)
  return view(row, from, row.length - from)
}

/** The envelope of a row that lies under another's key: its bytes say where it belongs, and its checksum is of that key. */
export function misplacedEnvelope(row: Uint8Array): Envelope | undefined {
  const raw = rawOf(row)
  try {
    const envelope = decodeEnvelope(raw)
    const key = joinBytes([writeUint32(envelope.sent), envelope.hash, envelope.topic])
    return readRow(key, row) === undefined ? undefined : envelope
  } catch (error) {
    if ((error as Error).name === MalformedError.name) return undefined
    throw error
  }
}

/** The ingest sequence number of a row; of one that is damaged anything. */
export function rowSeq(row: Uint8Array): number {
  if (row.length < OLD_HEADER) return 0
  if (row[0] !== CHECKED) return row[0] === 0 && (row[1] as number) < 0x20 ? read64(row, 0) : 0
  return (readUint32(row, 0) & 0x1f_ffff) * 2 ** 32 + readUint32(row, 4)
}

/** Bytes of the envelope in a row. */
export function rawSize(row: Uint8Array): number {
  return Math.max(0, row.length - (row[0] === CHECKED ? HEADER : OLD_HEADER))
}

/** Whether a row carries a checksum. */
export const isChecked = (row: Uint8Array): boolean => row[0] === CHECKED

/** A call of `crc32` takes longer than what it does: what is short is stirred into its beginning. No change of one word is lost so. */
function checksum(key: Uint8Array, from: number, row: Uint8Array, raw: Uint8Array): number {
  let start = word(row, 0) ^ Math.imul(word(row, 4), STIR)
  for (let at = from; at < from + FIELDS; at += 4) start = Math.imul(start ^ word(key, at), STIR)
  return crc32(raw, start >>> 0)
}

/** `readUint32` without a look at the length, which is twelve for each row: who asks knows it. */
const word = (bytes: Uint8Array, at: number): number =>
  (((bytes[at] as number) << 24) |
    ((bytes[at + 1] as number) << 16) |
    ((bytes[at + 2] as number) << 8) |
    (bytes[at + 3] as number)) >>>
  0

/** Odd, so that multiplying by it can be undone. */
const STIR = 0x9e37_79b1
