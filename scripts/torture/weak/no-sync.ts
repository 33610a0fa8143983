import { ClassicStore } from '../../../src/archive/database/classic-store.js'

// A node that does not wait until what it wrote is on disk.
const { batch } = ClassicStore.prototype
ClassicStore.prototype.batch = function (operations) {
  return batch.call(this, operations, { sync: false })
}
