import { peerIdFromString } from '@libp2p/peer-id'
import { ValueError } from '../node/settings/value-error.js'
import { fromHex } from '../wire/bytes.js'
import { CURSOR_BYTES, decodeCursor } from '../wire/request/cursor.js'
import { SEQUENCE_CURSOR_BYTES } from '../wire/request/sequence-cursor.js'

/** Where an earlier request ended, as it printed it, or without the server. */
export interface CursorChoice {
  /** PeerId. */
  readonly server: string | undefined
  /** Hexadecimal. */
  readonly digits: string
  /** The order in which it goes on. */
  readonly order: 'time' | 'ingest'
  /** Of the last envelope, Unix seconds; in ingest order a cursor names none. */
  readonly sent?: number | undefined
}

export const CURSOR = `a cursor that a request printed: <peer id>/<${2 * CURSOR_BYTES} hex digits, or ${2 * SEQUENCE_CURSOR_BYTES}>`

/** Throws `ValueError`. */
export function parseCursorChoice(text: string): CursorChoice {
  const [, server, digits = ''] = /^(?:([^/]+)\/)?(?:0x)?([0-9a-f]+)$/i.exec(text.trim()) ?? []
  const choice = { server: server === undefined ? undefined : peerOf(server, text), digits }
  if (digits.length === 2 * SEQUENCE_CURSOR_BYTES) return { ...choice, order: 'ingest' }
  if (digits.length !== 2 * CURSOR_BYTES) throw new ValueError(CURSOR, text)
  return { ...choice, order: 'time', sent: decodeCursor(fromHex(digits)).sent }
}

function peerOf(server: string, text: string): string {
  try {
    return peerIdFromString(server).toString()
  } catch {
    throw new ValueError(CURSOR, text)
  }
}
