import type { EnvelopeStore } from './store-batch.js'

/**
 * How far the memory of what is stored can be believed: a store deletes, by age or when it is told to, and another one may take
 * its place. What was stored before such a moment has to be stored again when it comes again.
 */
export class StoredMemory {
  #store: EnvelopeStore | undefined
  #unwatch: (() => void) | undefined
  #moment = 0
  /** What was sent before this may be gone, Unix seconds: the highest bound that there was, which only costs looks at the disk. */
  #before = 0

  get store(): EnvelopeStore | undefined {
    return this.#store
  }

  set store(store: EnvelopeStore | undefined) {
    this.#unwatch?.()
    this.#store = store
    // what another one keeps, or nobody kept, is not known of this one
    this.#forget(Number.POSITIVE_INFINITY)
    this.#unwatch = store?.watchRemoved?.(before => this.#forget(before))
  }

  /** Counts the moments at which something was forgotten: taken before a batch is stored, to be shown to `holds`. */
  get moment(): number {
    return this.#moment
  }

  /** Whether what was stored since a moment, and was sent at a time, is there for certain. */
  holds(moment: number, sent: number): boolean {
    return moment === this.#moment || sent >= this.#before
  }

  #forget(before: number): void {
    this.#moment++
    this.#before = Math.max(this.#before, before)
  }
}
