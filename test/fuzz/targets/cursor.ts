import { peerIdFromString } from '@libp2p/peer-id'
import { HistoryCursorError } from '../../../src/mailclient/errors.js'
import { readCursor, writeCursor } from '../../../src/mailclient/history-cursor.js'
import { compareBytes } from '../../../src/wire/bytes.js'
import { MalformedError } from '../../../src/wire/errors.js'
import { decodeCursor, encodeCursor } from '../../../src/wire/request/cursor.js'
import { check, checkBytes, checkSame, type FuzzTarget, read, textOf } from '../oracle.js'

const server = peerIdFromString('16Uiu2HAmPLe7Mzm8TsYUubgCAW1aJoeFScxrLj8ppHFivPo97bUZ')

/** The cursor of the wire, and the one that a person was shown. */
export const fuzz: FuzzTarget = input => {
  const cursor = read(() => decodeCursor(input), MalformedError)
  if (cursor !== undefined) {
    checkBytes(encodeCursor(cursor.sent, cursor.hash), input, 'written again it differs')
    const later = encodeCursor(Math.min(cursor.sent + 1, 0xffff_ffff), cursor.hash)
    check(compareBytes(input, later) <= 0, 'the order of cursors is not that of times')
    checkSame(readCursor(server, writeCursor(server, input)), new Uint8Array(input), 'shown and read it differs')
  }
  const text = textOf(input)
  const given = read(() => readCursor(server, text), HistoryCursorError)
  if (given !== undefined) {
    check(given.length === 36, 'a cursor is 36 bytes')
    check(writeCursor(server, given) === text.toLowerCase().replace(/^[^/]*/, server.toString()), 'it is another')
  }
  return cursor !== undefined || given !== undefined
}
