import { GroupCommit } from '../../../src/archive/group-commit.js'

// A node that confirms what it could not write.
const { append } = GroupCommit.prototype
GroupCommit.prototype.append = async function (envelopes) {
  return append.call(this, envelopes).catch(() => envelopes.map(() => 'stored' as const))
}
