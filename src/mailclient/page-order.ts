import { RecentHashes } from '../waku/recent-hashes.js'
import { compareBytes, toHex } from '../wire/bytes.js'
import { decodeCursor } from '../wire/request/cursor.js'
import { MisbehavingServerError } from './errors.js'

/** Where an envelope stands in an archive. An envelope is its own place: its hash is computed only where times are equal. */
export interface Place {
  /** Unix seconds. */
  readonly sent: number
  /** 32 bytes. */
  readonly hash: Uint8Array
}

/** Where a walk through the pages of one server stands. */
export interface Position {
  /** Cursor of the last page: `sent ‖ hash`, 36 bytes. */
  readonly after?: Uint8Array | undefined
  /** 1 when the server goes from old to new, -1 from new to old, 0 while that is not known. */
  readonly direction: Direction
}

type Direction = -1 | 0 | 1

/** By time, then by hash. */
export function compare(a: Place, b: Place): Direction {
  return Math.sign(a.sent - b.sent || compareBytes(a.hash, b.hash)) as Direction
}

/**
 * Holds the pages of a walk apart: all of a page lies beyond the last cursor and not beyond its own. So nothing comes
 * twice, without remembering more than one page, and a walk cannot turn in circles, whichever way the server goes.
 */
export class PageOrder {
  readonly #after: Place | undefined
  readonly #accepted: Place[] = []
  #seen: Set<string> | undefined
  #direction: Direction
  #least: Place | undefined
  #most: Place | undefined

  constructor({ after, direction }: Position) {
    this.#after = after && decodeCursor(after)
    this.#direction = direction
  }

  /** Whether an envelope belongs on the page; false for one that came before. */
  accept(place: Place): boolean {
    if (this.#after !== undefined) {
      const side = compare(place, this.#after)
      if (side === 0) return false
      if (this.#direction === 0) this.#direction = side
      if (side !== this.#direction) return false
    }
    // what lies beyond all others is new; only what comes out of order has to be looked up
    const most = this.#most === undefined || compare(place, this.#most) > 0
    const least = this.#least === undefined || compare(place, this.#least) < 0
    if (!most && !least && this.#known(place)) return false
    if (most) this.#most = place
    if (least) this.#least = place
    this.#accepted.push(place)
    this.#seen?.add(toHex(place.hash))
    return true
  }

  /**
   * The position after a page that ended with this cursor (36 bytes).
   *
   * @throws {MisbehavingServerError} cursor
   */
  end(cursor: Uint8Array): Position {
    const end = decodeCursor(cursor)
    if (this.#after !== undefined) {
      const step = compare(end, this.#after)
      if (step === 0 || (this.#direction !== 0 && step !== this.#direction)) {
        throw new MisbehavingServerError('cursor', 'the cursor does not move on')
      }
      this.#direction = step
    }
    if (this.#least === undefined || this.#most === undefined) return { after: cursor, direction: this.#direction }
    const covered = compare(this.#most, end) <= 0
    const coveredBackwards = compare(this.#least, end) >= 0
    if (this.#direction === 0 && covered !== coveredBackwards) this.#direction = covered ? 1 : -1
    if (!(this.#direction === -1 ? coveredBackwards : covered)) {
      throw new MisbehavingServerError('cursor', 'the cursor lies before the end of its page')
    }
    return { after: cursor, direction: this.#direction }
  }

  #known({ hash }: Place): boolean {
    this.#seen ??= new Set(this.#accepted.map(place => toHex(place.hash)))
    return this.#seen.has(toHex(hash))
  }
}

/** How many envelopes of a walk are known again. */
const KNOWN = 20_000

/** The envelopes of a walk in ingest order, in whatever order of time: each has one number, so that it comes once, on whichever page. */
export class IngestOrder {
  readonly #seen = new RecentHashes(KNOWN)

  accept({ hash }: Place): boolean {
    const name = toHex(hash)
    if (this.#seen.has(name)) return false
    this.#seen.add(name)
    return true
  }
}
