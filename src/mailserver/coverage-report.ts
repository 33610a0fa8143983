import type { Archive } from '../archive/archive.js'
import { atMost } from '../archive/gap-list.js'
import { type Coverage, type Gap, GapKind, MAX_GAPS } from '../wire/request/coverage.js'
import type { SettledRequest } from '../wire/request/history-request.js'
import { encodeSequenceCursor } from '../wire/request/sequence-cursor.js'

export interface CoverageReportParts {
  archive: Pick<Archive, 'id' | 'coverage'>
  /** A time that has not ended yet. */
  ongoing(): Gap | undefined
  /** How many of these topics are not archived; absent when all are, 0 when it cannot be told which are meant. */
  unarchived(topics: readonly Uint8Array[] | undefined): number | undefined
}

/** Says of a request what may be missing from its answer (protocols/mailserver.md, coverage). */
export class CoverageReport {
  readonly #parts: CoverageReportParts

  constructor(parts: CoverageReportParts) {
    this.#parts = parts
  }

  async describe({ lower, upper, topics, bloom }: SettledRequest, more: boolean): Promise<Coverage> {
    const { archive, ongoing, unarchived } = this.#parts
    const { since, oldest, lastSeq, gaps } = await archive.coverage({ lower, upper, topics, bloom })
    const now = ongoing()
    if (now !== undefined && now.from <= upper && now.until >= lower) gaps.push(now)
    const count = unarchived(topics)
    const whole: Gap[] = count === undefined ? [] : [{ from: lower, until: upper, kind: GapKind.unarchived, count }]
    return {
      since,
      oldest,
      sequence: encodeSequenceCursor({ archiveId: archive.id, seq: lastSeq }),
      more,
      gaps: [...whole, ...atMost(gaps, MAX_GAPS - whole.length)].sort((a, b) => a.from - b.from)
    }
  }
}
