import { concatBytes } from '../bytes.js'
import { MalformedError, UnencodableError } from '../errors.js'

/** A position in the ingest order of one archive: its id (8 bytes) ‖ sequence number (8 bytes, big-endian). */
export const SEQUENCE_CURSOR_BYTES = 16
const ID_BYTES = 8

export interface SequenceCursor {
  /** Which archive numbered, 8 bytes. */
  archiveId: Uint8Array
  /** Everything up to this number was looked at; 0..2^53-1, 0 for the beginning. */
  seq: number
}

/** @throws UnencodableError when the id is not 8 bytes, or the number no safe integer of 0 or more */
export function encodeSequenceCursor({ archiveId, seq }: SequenceCursor): Uint8Array {
  if (archiveId.length !== ID_BYTES) throw new UnencodableError('the id of an archive is 8 bytes')
  if (!Number.isSafeInteger(seq) || seq < 0) throw new UnencodableError('a sequence number is an integer of 0 or more')
  const number = new Uint8Array(8)
  new DataView(number.buffer).setBigUint64(0, BigInt(seq))
  return concatBytes(archiveId, number)
}

/** @throws MalformedError when it is not 16 bytes, or its number is above 2^53-1 */
export function decodeSequenceCursor(bytes: Uint8Array): SequenceCursor {
  if (bytes.length !== SEQUENCE_CURSOR_BYTES) {
    throw new MalformedError(`a sequence cursor is ${SEQUENCE_CURSOR_BYTES} bytes`)
  }
  const seq = Number(new DataView(bytes.buffer, bytes.byteOffset + ID_BYTES, 8).getBigUint64(0))
  if (!Number.isSafeInteger(seq)) throw new MalformedError('a sequence number is above 2^53-1')
  return { archiveId: bytes.slice(0, ID_BYTES), seq }
}
