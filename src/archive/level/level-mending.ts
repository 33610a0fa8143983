import { ArchiveDamagedError } from '../errors.js'
import type { RowSource, SourceRow } from '../page.js'
import type { SequenceSource } from '../sequence-page.js'

const NOTHING: Uint8Array = new Uint8Array(0)
const MARK: SourceRow = { sent: 0, hash: NOTHING, raw: NOTHING, damaged: 1 }

/**
 * Whether a part of a table was lost, and not all that lies beside it was looked through since: until then nobody knows what is missing, and
 * what is answered may lack it.
 */
export class Mending {
  #isUnder = false

  begin(): void {
    this.#isUnder = true
  }

  end(): void {
    this.#isUnder = false
  }

  /** The same rows, with a mark where they may not be all. */
  rows(source: RowSource): RowSource {
    let isTold = false
    return {
      next: async (room, signal) => {
        const before = this.#isUnder
        const rows = await source.next(room, signal)
        if (isTold || !(before || this.#isUnder)) return rows
        isTold = true
        return [MARK, ...(rows ?? [])]
      }
    }
  }

  /** The same in the order of ingest. */
  numbered(source: SequenceSource): SequenceSource {
    let isTold = false
    return {
      next: async (after, room, signal) => {
        const before = this.#isUnder
        const found = await source.next(after, room, signal)
        if (isTold || !(before || this.#isUnder)) return found
        isTold = true
        return { ...found, rows: [{ seq: after + 1, ...MARK }, ...found.rows] }
      }
    }
  }

  /** @throws ArchiveDamagedError while it is under way: what is counted may not be all */
  assertOver(): void {
    if (this.#isUnder)
      throw new ArchiveDamagedError('the archive cannot tell what it has before it is mended, which is under way')
  }
}
