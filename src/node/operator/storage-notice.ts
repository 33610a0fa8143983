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
  timer: ReturnType<typeof setTimeout>
}

/** What was mended already, what is when there is room, and what says itself what is to be done: no repair is. */
const MENDED = /^put right |made anew|when there is room$|start again$/

export interface StorageNoticeOptions {
  /** Who runs it is gone soon, and nobody can be asked for the times then. */
  brief?: boolean | undefined
}

/** Tells the operator in a line when envelopes cannot be stored, when they can again, and when what was stored is damaged. */
export class StorageNotice {
  readonly #warn: (line: string) => void
  readonly #brief: boolean
  #failing = false
  #lost: number | undefined
  readonly #unsaid = new Map<string, Unsaid>()

  constructor(warn: (line: string) => void, { brief = false }: StorageNoticeOptions = {}) {
    this.#warn = warn
    this.#brief = brief
  }

  /** Envelopes that were told to be lost, at least; undefined when nothing was. */
  get lost(): number | undefined {
    return this.#lost
  }

  /** To be told of what is damaged, in words: those that differ in their numbers only are of one kind. */
  readonly onDamaged = (gap: Gap | undefined, text: string): void => {
    if (isLost(text)) this.#lost = (this.#lost ?? 0) + (gap?.count ?? 0)
    const kind = kindOf(text)
    const unsaid = this.#unsaid.get(kind)
    if (unsaid !== undefined) {
      unsaid.count++
      unsaid.last = text
      unsaid.gap = joined(unsaid.gap, gap)
      return
    }
    this.#begin(kind, text)
    this.#sayDamaged(text, gap)
  }

  /** Says at once what was to be told together later. */
  end(): void {
    for (const [kind, { timer }] of this.#unsaid) {
      clearTimeout(timer)
      this.#take(kind)
    }
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

  #begin(kind: string, last: string): void {
    const timer = setTimeout(() => {
      if (this.#take(kind)) this.#begin(kind, last)
    }, QUIET)
    timer.unref()
    this.#unsaid.set(kind, { count: 0, last, gap: undefined, timer })
  }

  /** Says what happened of a kind since a line was written; false when nothing did. */
  #take(kind: string): boolean {
    const { count, last, gap } = this.#unsaid.get(kind) as Unsaid
    this.#unsaid.delete(kind)
    if (count === 0) return false
    this.#sayDamaged(count === 1 ? last : `${last} (and ${counted(count - 1, 'other')} like it within the hour)`, gap)
    return true
  }

  /** With what is to be done: what is lost is out of the archive already, and a repair would find nothing wrong. */
  #sayDamaged(text: string, gap: Gap | undefined): void {
    if (gap !== undefined && isLost(text)) {
      const later = this.#brief ? '' : ', "waku-mailserver verify" names the times until the node stops'
      const times = `--since ${gap.from} --until ${gap.until}`
      this.#warn(`${text}: "waku-mailserver backfill ${times}" may fetch it again from another mailserver${later}`)
    } else if (MENDED.test(text)) this.#warn(text)
    else this.#warn(`${text}: "waku-mailserver verify" says what is wrong, "waku-mailserver repair" mends it`)
  }
}

const isLost = (text: string): boolean => text.startsWith('lost')

/** One, and many, are of one kind. */
const kindOf = (text: string): string =>
  text
    .replace(/\d+/g, '#')
    .replace(/\bwas\b/g, 'were')
    .replace(/s\b/g, '')

const joined = (a: Gap | undefined, b: Gap | undefined): Gap | undefined =>
  atMost(
    [a, b].filter(gap => gap !== undefined),
    1
  )[0]
