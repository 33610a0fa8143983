import type { Scope } from '../helpers/scope.js'
import type { Session } from './session-file.js'

/** What a cell may use. */
export interface CellScope extends Scope {
  /** Where the Go programs are. */
  readonly programs: string
  /** The key that requests are sealed with, derived from `MAIL_PASSWORD`. */
  readonly mailKey: Uint8Array
  /** The key that messages are sealed with, derived from `CONTENT_PASSWORD`. */
  readonly contentKey: Uint8Array
  /** Keeps a session as a fixture, when sessions are being recorded. */
  record(session: Session): void
}

/** One combination of who asks whom what, and how. */
export interface Cell {
  readonly name: string
  /** Resolves with what was seen, in a few words; an empty text means that nothing was, and fails. */
  run(scope: CellScope): Promise<string>
}

export const MAIL_PASSWORD = 'interop-mail'
export const CONTENT_PASSWORD = 'interop'

/** Runs what was given to it, last first, when the cell is over. */
export class CellEnd implements Scope {
  readonly #ends: (() => unknown)[] = []

  after(end: () => unknown): void {
    this.#ends.push(end)
  }

  async run(): Promise<void> {
    for (const end of this.#ends.reverse()) await end()
  }
}
