import { ClassicStore } from '../../../src/archive/classic-store.js'
import type { LevelIterator } from '../../../src/archive/level-store.js'

// A node that takes what it cannot read for nothing.
const { iterator, values, getMany } = ClassicStore.prototype

function quiet<Found>(found: LevelIterator<Found>): LevelIterator<Found> {
  return {
    nextv: size => found.nextv(size).catch(() => []),
    seek: target => found.seek(target),
    close: () => found.close()
  }
}

ClassicStore.prototype.iterator = function (options) {
  return quiet(iterator.call(this, options))
}
ClassicStore.prototype.values = function (options) {
  return quiet(values.call(this, options))
}
ClassicStore.prototype.getMany = function (keys) {
  return getMany.call(this, keys).catch(() => keys.map(() => undefined))
}
