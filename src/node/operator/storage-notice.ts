import { ArchiveBusyError, rootMessage } from '../../archive/errors.js'

/** What is damaged is said again after this, ms. */
const QUIET = 3_600_000

/** Tells the operator in a line when envelopes cannot be stored, when they can again, and when what was stored is damaged. */
export class StorageNotice {
  readonly #warn: (line: string) => void
  #failing = false
  #saidDamaged = Number.NEGATIVE_INFINITY

  constructor(warn: (line: string) => void) {
    this.#warn = warn
  }

  /** To be told of what is damaged, in words. */
  readonly onDamaged = (_gap: unknown, text: string): void => {
    if (performance.now() - this.#saidDamaged < QUIET) return
    this.#saidDamaged = performance.now()
    this.#warn(`${text}: "waku-mailserver verify" says what is wrong, "waku-mailserver repair" mends it`)
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
}
