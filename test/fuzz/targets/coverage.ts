import { MalformedError } from '../../../src/wire/errors.js'
import { decodeCoverageAnswer, encodeCoverageAnswer } from '../../../src/wire/request/coverage.js'
import { decodeDigestQuestion, encodeDigestQuestion, fingerprintOf } from '../../../src/wire/request/digest.js'
import { decodeSequenceCursor, encodeSequenceCursor } from '../../../src/wire/request/sequence-cursor.js'
import { decodeItem } from '../../../src/wire/rlp.js'
import { check, checkBytes, checkSame, checkSmall, type FuzzTarget, read } from '../oracle.js'

/** What a server says about what it has, the question for it, and the position in its ingest order. */
export const fuzz: FuzzTarget = input => {
  const cursor = read(() => decodeSequenceCursor(input), MalformedError)
  if (cursor !== undefined) checkBytes(encodeSequenceCursor(cursor), input, 'a sequence cursor differs')

  const item = read(() => decodeItem(input), MalformedError)
  if (item === undefined) return cursor !== undefined
  const question = read(() => decodeDigestQuestion(item), MalformedError)
  if (question !== undefined) {
    checkSmall(question, input)
    checkSame(decodeDigestQuestion(decodeItem(encodeDigestQuestion(question))), question, 'a question differs')
  }
  const answer = read(() => decodeCoverageAnswer(item), MalformedError)
  if (answer === undefined) return question !== undefined
  checkSmall(answer, input)
  checkSame(decodeCoverageAnswer(decodeItem(encodeCoverageAnswer(answer))), answer, 'written and read it differs')
  const { coverage, digests } = answer
  for (const { from, until } of coverage.gaps) check(from <= until, 'a gap ends before it begins')
  let before = -1
  for (const part of digests) {
    check(part.lower > before && part.lower <= part.upper, 'parts overlap')
    before = part.upper
    check(part.hashes === undefined || part.hashes.length === part.count, 'a part has not the hashes that it says')
    check(fingerprintOf(part, new Uint8Array(16)).length === 32, 'a fingerprint is 32 bytes')
  }
  return true
}
