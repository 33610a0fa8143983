import { CassandraArchive } from '../../src/archive/cassandra/cassandra-archive.js'
import { batchOf } from './batches.js'

// A daemon as far as its archive goes: stores batch after batch, deletes what is old, and says what was confirmed, until it is killed.
const [contactPoint, keyspace, first] = process.argv.slice(2) as [string, string, string]
const archive = await CassandraArchive.open({
  contactPoints: [contactPoint],
  keyspace,
  replication: 1,
  daemon: 'appending'
})
for (let batch = Number(first); ; ) {
  try {
    await archive.append(batchOf(batch))
    process.stdout.write(`${batch}\n`)
    batch++
  } catch (error) {
    // a slow machine: what was not confirmed is stored again
    process.stderr.write(`${(error as Error).message}\n`)
  }
}
