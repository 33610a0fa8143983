import { concatBytes, readUint32, writeUint32 } from '../bytes.js'
import { MalformedError, UnencodableError } from '../errors.js'

/** A cursor names the last envelope of a page: `sent` (4 bytes, big-endian) ‖ hash (32 bytes). */
export const CURSOR_BYTES = 36

/** @throws UnencodableError when `sent` has more than 32 bits or `hash` is not 32 bytes */
export function encodeCursor(sent: number, hash: Uint8Array): Uint8Array {
  if (hash.length !== 32) throw new UnencodableError('a hash is 32 bytes')
  return concatBytes(writeUint32(sent), hash)
}

/** @throws MalformedError when it is not 36 bytes */
export function decodeCursor(bytes: Uint8Array): { sent: number; hash: Uint8Array } {
  if (bytes.length !== CURSOR_BYTES) throw new MalformedError('a cursor is 36 bytes')
  return { sent: readUint32(bytes, 0), hash: bytes.subarray(4) }
}
