import { peerIdFromString } from '@libp2p/peer-id'
import { ValueError } from '../node/value-error.js'
import { fromHex } from '../wire/bytes.js'
import { CURSOR_BYTES, decodeCursor } from '../wire/cursor.js'

/** Where an earlier request ended, as it printed it, or without the server. */
export interface CursorChoice {
  /** PeerId. */
  readonly server: string | undefined
  /** Hexadecimal. */
  readonly digits: string
  /** Of the last envelope, Unix seconds. */
  readonly sent: number
}

export const CURSOR = `a cursor that a request printed: <peer id>/<${2 * CURSOR_BYTES} hex digits>`

/** Throws `ValueError`. */
export function parseCursorChoice(text: string): CursorChoice {
  const [, server, digits = ''] = /^(?:([^/]+)\/)?(?:0x)?([0-9a-f]+)$/i.exec(text.trim()) ?? []
  if (digits.length !== 2 * CURSOR_BYTES) throw new ValueError(CURSOR, text)
  return {
    server: server === undefined ? undefined : peerOf(server, text),
    digits,
    sent: decodeCursor(fromHex(digits)).sent
  }
}

function peerOf(server: string, text: string): string {
  try {
    return peerIdFromString(server).toString()
  } catch {
    throw new ValueError(CURSOR, text)
  }
}
