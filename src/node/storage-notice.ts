import { ArchiveBusyError, rootMessage } from '../archive/errors.js'

/** Tells the operator in a line when envelopes cannot be stored, and when they can again. */
export class StorageNotice {
  readonly #warn: (line: string) => void
  #failing = false

  constructor(warn: (line: string) => void) {
    this.#warn = warn
  }

  /** To be told of every append: what it failed by, or nothing. */
  readonly onStored = (error?: Error): void => {
    // too much at a time passes by itself
    if (error instanceof ArchiveBusyError) return
    const failing = error !== undefined
    if (failing === this.#failing) return
    this.#failing = failing
    if (!failing) this.#warn('envelopes are stored again')
    // LevelDB takes nothing more once a write to its log has failed
    else
      this.#warn(
        `envelopes cannot be stored and are refused: ${rootMessage(error)}; restart the node when that is mended`
      )
  }
}
