import type { AppendOutcome } from '../archive/archive.js'
import type { Envelope } from '../wire/envelope/envelope.js'
import type { SeenEnvelope } from './seen-envelopes.js'

/** Where accepted envelopes are kept; the mailserver service registers one. */
export interface EnvelopeStore {
  /** Why this envelope must not be taken in at all (retention would delete it at once), or undefined. */
  refuse?(envelope: Envelope, now: number): { code: number; text: string } | undefined
  /**
   * Resolves when all are on disk, one outcome each; an envelope that the store does not want to keep counts as known.
   * Rejects when none of them may be counted as stored.
   */
  append(envelopes: Envelope[]): Promise<AppendOutcome[]>
  /** Has a listener told that something sent before a time (Unix seconds) was deleted; returns what ends that. */
  watchRemoved?(listener: (before: number) => void): () => void
}

/** The new envelopes of one packet on their way to the disk. Copies that come in meanwhile wait for the same batch. */
export class StoreBatch {
  readonly #envelopes: Envelope[] = []
  readonly #entries: SeenEnvelope[] = []
  #finish: () => void = () => {}
  /** Resolves when the entries say `stored` or `failed`; never rejects. */
  readonly done: Promise<void> = new Promise(resolve => {
    this.#finish = resolve
  })

  /** @param moment of `StoredMemory`, before anything of it is stored */
  constructor(readonly moment: number) {}

  get size(): number {
    return this.#entries.length
  }

  add(entry: SeenEnvelope, envelope: Envelope): void {
    entry.storage = this
    this.#entries.push(entry)
    this.#envelopes.push(envelope)
  }

  /** Stores what was added; resolves with the error when that failed. */
  async run(store: EnvelopeStore): Promise<Error | undefined> {
    let error: Error | undefined
    try {
      if (this.#envelopes.length > 0) await store.append(this.#envelopes)
    } catch (err) {
      error = err instanceof Error ? err : new Error(String(err))
    }
    for (const entry of this.#entries) {
      if (entry.storage !== this) continue
      entry.storage = error === undefined ? 'stored' : 'failed'
      entry.storedAt = this.moment
    }
    this.#finish()
    return error
  }
}
