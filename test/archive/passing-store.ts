import type { LevelStore } from '../../src/archive/database/level-store.js'

/** Passes everything on to another store: a test puts something of its own between. */
export class PassingStore implements LevelStore {
  constructor(readonly inner: LevelStore) {}
  batch: LevelStore['batch'] = (operations, options) => this.inner.batch(operations, options)
  getMany: LevelStore['getMany'] = keys => this.inner.getMany(keys)
  compactRange: LevelStore['compactRange'] = (start, end) => this.inner.compactRange(start, end)
  iterator: LevelStore['iterator'] = options => this.inner.iterator(options)
}
