import type { ClassicLevel } from 'classic-level'
import type { LevelIterator, LevelOperations, LevelReadOptions, LevelStore } from './level-store.js'

/**
 * A `ClassicLevel` whose keys and values are bytes (`keyEncoding` and `valueEncoding` `view`). Its `batch` of an array copies each operation together with the options: the
 * same operations put one by one into a chained batch take two fifths of the time.
 */
export class ClassicStore implements LevelStore {
  readonly #level: ClassicLevel<Uint8Array, Uint8Array>

  constructor(level: ClassicLevel<Uint8Array, Uint8Array>) {
    this.#level = level
  }

  async batch(operations: LevelOperations, options: { sync: boolean }): Promise<void> {
    const batch = this.#level.batch()
    try {
      for (const operation of operations) {
        if (operation.type === 'put') batch.put(operation.key, operation.value)
        else batch.del(operation.key)
      }
    } catch (error) {
      await batch.close()
      throw error
    }
    if (batch.length === 0) await batch.close()
    else await batch.write(options)
  }

  getMany(keys: Uint8Array[]): Promise<(Uint8Array | undefined)[]> {
    return this.#level.getMany(keys)
  }

  iterator(options: LevelReadOptions): LevelIterator {
    return this.#level.iterator(options)
  }

  compactRange(start: Uint8Array, end: Uint8Array): Promise<void> {
    return this.#level.compactRange(start, end)
  }
}
