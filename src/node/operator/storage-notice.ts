import { ArchiveBusyError, rootMessage } from '../../archive/errors.js'
import { atMost } from '../../archive/gap-list.js'
import { counted } from '../../base/counted.js'
import type { Gap } from '../../wire/request/coverage.js'

/** One of a kind is said at once, those that follow are told together after this, ms. */
const QUIET = 3_600_000

/** What happened of one kind since a line was written. */
interface Unsaid {
  count: number
  last: string
  /** Their times. */
  gap: Gap | undefined
}

/** Tells the operator in a line when envelopes cannot be stored, when they can again, and when what was stored is damaged. */
export class StorageNotice {
  readonly #warn: (line: string) => void
  #failing = false
  readonly #unsaid = new Map<string, Unsaid>()

  constructor(warn: (line: string) => void) {
    this.#warn = warn
  }

  /** To be told of what is damaged, in words: those that differ in their numbers only are of one kind. */
  readonly onDamaged = (gap: Gap | undefined, text: string): void => {
    const kind = text.replace(/\d+/g, '#')
    const unsaid = this.#unsaid.get(kind)
    if (unsaid !== undefined) {
      unsaid.count++
      unsaid.last = text
      unsaid.gap = joined(unsaid.gap, gap)
      return
    }
    this.#unsaid.set(kind, { count: 0, last: text, gap: undefined })
    this.#later(kind)
    this.#sayDamaged(text, gap)
  }

  /** To be told of every append: what it failed by, or nothing. */
  readonly onStored = (error?: Error): void => {
    // too much at a time passes by itself
    if (error instanceof ArchiveBusyError) return
    const failing = error !== undefined
    if (failing === this.#failing) return
    this.#failing = failing
    if (!failing) this.#warn('envelopes are stored again')
    else
      this.#warn(
        `envelopes cannot be stored and are refused: ${rootMessage(error)}; ` +
          'what is stored can be read, and storing goes on by itself when that is mended'
      )
  }

  #later(kind: string): void {
    setTimeout(() => {
      const { count, last, gap } = this.#unsaid.get(kind) as Unsaid
      this.#unsaid.delete(kind)
      if (count === 0) return
      this.#unsaid.set(kind, { count: 0, last, gap: undefined })
      this.#later(kind)
      const text = count === 1 ? last : `${last} (and ${counted(count - 1, 'other')} like it within the hour)`
      this.#sayDamaged(text, gap)
    }, QUIET).unref()
  }

  /** With what is to be done: what is lost is out of the archive already, and a repair would find nothing wrong. */
  #sayDamaged(text: string, gap: Gap | undefined): void {
    if (gap !== undefined && text.startsWith('lost'))
      this.#warn(
        `${text}: "waku-mailserver backfill --since ${gap.from} --until ${gap.until}" may fetch it again from another mailserver, ` +
          '"waku-mailserver verify" names the times until the node stops'
      )
    else this.#warn(`${text}: "waku-mailserver verify" says what is wrong, "waku-mailserver repair" mends it`)
  }
}

const joined = (a: Gap | undefined, b: Gap | undefined): Gap | undefined =>
  atMost(
    [a, b].filter(gap => gap !== undefined),
    1
  )[0]
