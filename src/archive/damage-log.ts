import { counted } from '../base/counted.js'
import { type Gap, GapKind } from '../wire/request/coverage.js'
import type { ArchiveDamage } from './archive.js'

/** Something that is stored and cannot be delivered. */
export interface Damage {
  /** The same whenever it is met. */
  name: string
  /** When it was sent, as far as that is known; Unix seconds, inclusive. Absent where only its place in the order of ingest is lost. */
  times?: { from: number; until: number } | undefined
  /** Envelopes, at least. */
  count: number
}

/** Beyond so many the same ones are counted again when they are met again. */
const MAX_NAMES = 16_384

/** What was found damaged since the archive was opened, each thing once. */
export class DamageLog {
  readonly #names = new Set<string>()
  readonly #onFound: (damage: Damage) => void
  readonly #now: () => number
  #sum: ArchiveDamage | undefined

  /**
   * @param onFound - told of each the first time
   * @param now - Unix seconds
   */
  constructor(onFound: (damage: Damage) => void, now: () => number) {
    this.#onFound = onFound
    this.#now = now
  }

  get sum(): ArchiveDamage | undefined {
    return this.#sum
  }

  note(damage: Damage): void {
    const now = this.#now()
    const { envelopes, first } = this.#sum ?? { envelopes: 0, first: now }
    const known = this.#names.has(damage.name)
    this.#sum = { envelopes: envelopes + (known ? 0 : damage.count), first, last: now }
    if (known) return
    if (this.#names.size === MAX_NAMES) this.#names.clear()
    this.#names.add(damage.name)
    this.#onFound(damage)
  }

  /** To be begun anew: what was damaged is gone. */
  reset(): void {
    this.#names.clear()
    this.#sum = undefined
  }
}

export const gapOf = ({ times, count }: Damage): Gap | undefined => times && { ...times, kind: GapKind.damaged, count }

export const inWords = ({ times, count }: Damage): string =>
  times === undefined
    ? `${counted(count, 'damaged part of the order of ingest was', 'damaged parts of the order of ingest were')} met: answers by time lack nothing of that`
    : `${counted(count, 'damaged envelope was', 'damaged envelopes were')} met and left out of an answer`
