import type { Envelope } from '../wire/envelope/envelope.js'
import type { Gap } from '../wire/request/coverage.js'
import type { AppendOutcome, ArchiveWatcher } from './archive.js'

/** Who is told of the changes of an archive. */
export class Watchers {
  readonly #watchers = new Set<ArchiveWatcher>()

  /** Returns what ends it. */
  add(watcher: ArchiveWatcher): () => void {
    // the same one may be added twice, and each time ends by itself
    const added = { ...watcher }
    this.#watchers.add(added)
    return () => void this.#watchers.delete(added)
  }

  appended(envelopes: readonly Envelope[], outcomes: readonly AppendOutcome[]): void {
    for (const { appended } of this.#watchers) appended?.(envelopes, outcomes)
  }

  /** Whether there was anybody to be told. */
  damaged(gap: Gap | undefined, text: string): boolean {
    let told = false
    for (const { damaged } of this.#watchers) {
      damaged?.(gap, text)
      told ||= damaged !== undefined
    }
    return told
  }

  removed(before: number): void {
    for (const { removed } of this.#watchers) removed?.(before)
  }

  writable(): void {
    for (const { writable } of this.#watchers) writable?.()
  }
}
