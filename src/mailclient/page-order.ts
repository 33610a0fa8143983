import { compareBytes } from '../wire/bytes.js'
import { MisbehavingServerError } from './errors.js'

/** Where a walk through the pages of one server stands. */
export interface Position {
  /** Cursor of the last page: `sent ‖ hash`, 36 bytes. */
  readonly after?: Uint8Array | undefined
  /** 1 when the server goes from old to new, -1 from new to old, 0 while that is not known. */
  readonly direction: -1 | 0 | 1
}

/**
 * Holds the pages of a walk apart: all of a page lies beyond the last cursor and not beyond its own. So nothing comes
 * twice, without remembering more than one page, and a walk cannot turn in circles, whichever way the server goes.
 */
export class PageOrder {
  readonly #after: Uint8Array | undefined
  readonly #seen = new Set<string>()
  #direction: -1 | 0 | 1
  #least: Uint8Array | undefined
  #most: Uint8Array | undefined

  constructor(position: Position) {
    this.#after = position.after
    this.#direction = position.direction
  }

  /** Whether an envelope with this key (36 bytes) belongs on the page; false for one that came before. */
  accept(key: Uint8Array, hashHex: string): boolean {
    if (this.#seen.has(hashHex)) return false
    if (this.#after !== undefined) {
      const side = Math.sign(compareBytes(key, this.#after)) as -1 | 0 | 1
      if (side === 0) return false
      if (this.#direction === 0) this.#direction = side
      if (side !== this.#direction) return false
    }
    this.#seen.add(hashHex)
    if (this.#least === undefined || compareBytes(key, this.#least) < 0) this.#least = key
    if (this.#most === undefined || compareBytes(key, this.#most) > 0) this.#most = key
    return true
  }

  /**
   * The position after a page that ended with this cursor (36 bytes).
   *
   * @throws {MisbehavingServerError} cursor
   */
  end(cursor: Uint8Array): Position {
    if (this.#after !== undefined) {
      const step = Math.sign(compareBytes(cursor, this.#after)) as -1 | 0 | 1
      if (step === 0 || (this.#direction !== 0 && step !== this.#direction)) {
        throw new MisbehavingServerError('cursor', 'the cursor does not move on')
      }
      this.#direction = step
    }
    if (this.#least === undefined || this.#most === undefined) return { after: cursor, direction: this.#direction }
    const covered = compareBytes(this.#most, cursor) <= 0
    const coveredBackwards = compareBytes(this.#least, cursor) >= 0
    if (this.#direction === 0 && covered !== coveredBackwards) this.#direction = covered ? 1 : -1
    if (!(this.#direction === -1 ? coveredBackwards : covered)) {
      throw new MisbehavingServerError('cursor', 'the cursor lies before the end of its page')
    }
    return { after: cursor, direction: this.#direction }
  }
}
