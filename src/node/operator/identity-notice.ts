import type { TwinOf } from '../../waku/twins.js'

/** The same is said again after this, ms. */
const QUIET = 3_600_000

const LINES: Readonly<Record<TwinOf, string>> = {
  peer:
    'a peer with one identity connects from two places again and again, and each takes the place of the other: ' +
    'was its data dir copied? Each needs its own',
  own:
    'another node seems to use the identity of this one, and each takes the place of the other at their peers: was this data dir ' +
    'copied? Stop one of the two, remove the file "identity" of its data dir, and start it with --new-identity'
}

/** Tells the operator in a line when one identity is used in two places: nothing else would be seen but conversations that end. */
export class IdentityNotice {
  readonly #warn: (line: string) => void
  readonly #said = new Map<TwinOf, number>()

  constructor(warn: (line: string) => void) {
    this.#warn = warn
  }

  readonly onTwin = (whose: TwinOf): void => {
    const now = performance.now()
    if (now - (this.#said.get(whose) ?? Number.NEGATIVE_INFINITY) < QUIET) return
    this.#said.set(whose, now)
    this.#warn(LINES[whose])
  }
}
