import type { PeerId } from '@libp2p/interface'
import { fromHex, toHex } from '../wire/bytes.js'
import { checkString } from '../wire/checks.js'
import { CURSOR_BYTES } from '../wire/request/cursor.js'
import { SEQUENCE_CURSOR_BYTES } from '../wire/request/sequence-cursor.js'
import { HistoryCursorError } from './errors.js'

/**
 * Where a history goes on: `<PeerId of the server>/<72 hexadecimal digits>`, in ingest order with 32 digits. It belongs to that server, and to the range
 * and filter of its request (8/WAKU-MAIL: a cursor should not be reused at another server).
 */
export type HistoryCursor = string

export function writeCursor(server: PeerId, cursor: Uint8Array): HistoryCursor {
  return `${server.toString()}/${toHex(cursor)}`
}

/** @throws {HistoryCursorError} when it is none, or that of another server */
export function readCursor(server: PeerId, text: HistoryCursor, order: 'time' | 'ingest' = 'time'): Uint8Array {
  const length = 2 * (order === 'time' ? CURSOR_BYTES : SEQUENCE_CURSOR_BYTES)
  checkString(text, 'a cursor', HistoryCursorError)
  const [owner, digits = '', ...rest] = text.split('/')
  if (rest.length > 0 || digits.length !== length || !/^[0-9a-f]*$/i.test(digits)) {
    throw new HistoryCursorError(
      `a cursor in the order of ${order} is a peer id, a slash and ${length} hexadecimal digits`
    )
  }
  if (owner !== server.toString()) throw new HistoryCursorError('the cursor is that of another server')
  return fromHex(digits)
}
