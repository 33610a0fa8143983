import { compareBytes } from '../wire/bytes.js'
import { type DigestPart, type DigestQuestion, equalTimes, hashesPerPart } from '../wire/request/digest.js'
import { Fingerprint } from '../wire/request/fingerprint.js'

/** For parts of equal count the range is first cut into so many of equal time. */
const SLICES = 4096

interface Piece {
  upper: number
  sum: Fingerprint
  /** Absent when they are too many to be given. */
  hashes: Uint8Array[] | undefined
}

/** Makes the digest of a range out of the envelopes that match, given in any order, each once. */
export class RangeDigest {
  readonly #question: DigestQuestion
  readonly #lower: number
  readonly #pieces: Piece[]
  readonly #maxHashes: number
  readonly #seconds: number

  /** @param range - inclusive; at least one part */
  constructor({ lower, upper }: { lower: number; upper: number }, question: DigestQuestion) {
    this.#question = question
    this.#lower = lower
    this.#maxHashes = hashesPerPart(question.parts)
    this.#seconds = upper - lower + 1
    const parts = question.by === 'time' ? question.parts : SLICES
    this.#pieces = equalTimes(lower, upper, parts).map(upper => ({
      upper,
      sum: new Fingerprint(question.salt),
      hashes: []
    }))
  }

  /** @param sent - within the range */
  add(sent: number, hash: Uint8Array): void {
    const pieces = this.#pieces
    let at = Math.min(pieces.length - 1, Math.floor(((sent - this.#lower) * pieces.length) / this.#seconds))
    // the division may be off by one at a bound
    while ((pieces[at] as Piece).upper < sent) at++
    while (at > 0 && (pieces[at - 1] as Piece).upper >= sent) at--
    const piece = pieces[at] as Piece
    piece.sum.add(hash)
    if (piece.hashes === undefined) return
    if (piece.sum.count > this.#maxHashes) piece.hashes = undefined
    // a copy: what is read from an index is a view of much more
    else piece.hashes.push(hash.slice())
  }

  parts(): DigestPart[] {
    const pieces = this.#question.by === 'time' ? this.#pieces : this.#equalCounts()
    let lower = this.#lower
    return pieces.map(({ upper, sum, hashes }) => {
      const part: DigestPart = { lower, upper, count: sum.count }
      if (hashes !== undefined && sum.count <= this.#maxHashes) part.hashes = hashes.sort(compareBytes)
      else part.fingerprint = sum.bytes
      lower = upper + 1
      return part
    })
  }

  /** Joins neighbours until each part holds about its share. */
  #equalCounts(): Piece[] {
    const total = this.#pieces.reduce((count, { sum }) => count + sum.count, 0)
    const { parts, salt } = this.#question
    const joined: Piece[] = []
    let current: Piece | undefined
    let before = 0
    for (const { upper, sum, hashes } of this.#pieces) {
      current ??= { upper, sum: new Fingerprint(salt), hashes: [] }
      current.upper = upper
      current.sum.merge(sum)
      current.hashes = current.hashes && hashes && [...current.hashes, ...hashes]
      const due = Math.ceil((total * (joined.length + 1)) / parts)
      if (before + current.sum.count < due || joined.length === parts - 1) continue
      before += current.sum.count
      joined.push(current)
      current = undefined
    }
    const last = joined.at(-1)
    if (current === undefined) return joined
    // what is left of the range holds nothing
    if (current.sum.count === 0 && last !== undefined) last.upper = current.upper
    else joined.push(current)
    return joined
  }
}
