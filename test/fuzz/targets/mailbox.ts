import { decodeBookmark, encodeBookmark } from '../../../src/mailbox/bookmark.js'
import { decodeLetter, encodeLetter } from '../../../src/mailbox/letter.js'
import { MalformedError } from '../../../src/wire/errors.js'
import { check, checkBytes, checkSame, checkSmall, type FuzzTarget, read } from '../oracle.js'

/** What a mailbox keeps: letters of its outbox, and where it stopped reading a server. Another program may have written there. */
export const fuzz: FuzzTarget = input => {
  const bookmark = decodeBookmark(input)
  checkSmall(bookmark, input, { factor: 64 })
  const written = encodeBookmark(bookmark)
  checkBytes(encodeBookmark(decodeBookmark(written)), written, 'written and read a bookmark differs')
  check(bookmark.cursor === undefined || bookmark.from !== undefined, 'a cursor without what it was for')

  const letter = read(() => decodeLetter(input), MalformedError)
  if (letter === undefined)
    return bookmark.from !== undefined || bookmark.readAt !== undefined || bookmark.gaps.length > 0
  checkSmall(letter, input)
  check(letter.topic.length === 4, 'a topic is 4 bytes')
  checkSame(decodeLetter(encodeLetter(letter)), letter, 'written and read a letter differs')
  return true
}
