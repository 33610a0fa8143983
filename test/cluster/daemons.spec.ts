import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { after, test } from 'node:test'
import { fileURLToPath } from 'node:url'
import cassandra from 'cassandra-driver'
import type { Archive } from '../../src/archive/archive.js'
import { MAX_UINT32, toHex } from '../../src/wire/bytes.js'
import { readPage } from '../archive/comparison.js'
import { closeOpened, newKeyspace, oneNode, openArchive } from './archive-of.js'
import { batchOf } from './batches.js'

// What happens to daemons, and what they do to each other.
const cluster = await oneNode()
const client = new cassandra.Client({ contactPoints: cluster.contactPoints, localDataCenter: 'datacenter1' })
after(async () => {
  await client.shutdown()
  await closeOpened()
  await cluster.stop()
})

const ALL = { lower: 0, upper: MAX_UINT32, limit: Number.POSITIVE_INFINITY }
const program = fileURLToPath(new URL('./appending-process.js', import.meta.url))

async function assertSound(archive: Archive): Promise<void> {
  const { damaged, missing, index, countsWrong } = await archive.verify()
  assert.deepEqual({ damaged, missing, index, countsWrong }, { damaged: 0, missing: 0, index: 0, countsWrong: false })
}

test('a daemon that is killed in the middle of a batch, again and again: what it confirmed is there, the rest is stored or not', async () => {
  const keyspace = newKeyspace()
  const witness = await openArchive(cluster, { keyspace, daemon: 'witness' })
  let next = 0
  for (let round = 0; round < 4; round++) {
    const child = spawn(process.execPath, [program, cluster.contactPoints[0] as string, keyspace, String(next)], {
      stdio: ['ignore', 'pipe', 'inherit']
    })
    let said = ''
    child.stdout.on('data', chunk => {
      said += chunk
    })
    const ended = once(child, 'close')
    const from = next
    while (said.split('\n').length < 3 + round) await once(child.stdout, 'data')
    // the next batch is under way: somewhere in its dozen of statements
    await new Promise(resolve => setTimeout(resolve, round * 7))
    child.kill('SIGKILL')
    await ended
    const confirmed = said.split('\n').length - 1
    next = from + confirmed
    const there = new Set((await readPage(witness, ALL)).rows.map(({ hash }) => toHex(hash)))
    for (let batch = from; batch < next; batch++)
      for (const { hashHex } of batchOf(batch)) assert.ok(there.has(hashHex), `of batch ${batch}, which was confirmed`)
  }
  // the turn that broke off last is put right by whoever changes something next
  assert.deepEqual(new Set(await witness.append(batchOf(next + 1))), new Set(['stored']))
  await assertSound(witness)
  const outcomes = new Set(await witness.append(batchOf(next)))
  assert.equal(outcomes.size, 1, 'a batch is there as a whole, or not at all')
  await assertSound(witness)
  await witness.close()
})

test('daemons that begin an archive at the same moment begin one', async () => {
  const keyspace = newKeyspace()
  const names = ['a', 'b', 'c']
  const archives = await Promise.all(names.map(daemon => openArchive(cluster, { keyspace, daemon })))
  assert.equal(new Set(archives.map(({ id }) => toHex(id))).size, 1)
  await Promise.all(archives.map((archive, i) => archive.append(batchOf(i))))
  for (const archive of archives) assert.equal((await archive.stats()).envelopes, 120)
  await assertSound(archives[0] as Archive)
  await Promise.all(archives.map(archive => archive.close()))
})

test('two daemons that delete at once, while a third stores, delete everything once', async () => {
  const keyspace = newKeyspace()
  const [a, b, c] = await Promise.all(['a', 'b', 'c'].map(daemon => openArchive(cluster, { keyspace, daemon })))
  assert.ok(a && b && c)
  for (let batch = 0; batch < 30; batch += 10)
    await a.append(Array.from({ length: 10 }, (_, i) => batchOf(batch + i)).flat())
  const [first, second] = await Promise.all([
    a.prune(1_600_041_600 + 25 * 60),
    b.prune(1_600_041_600 + 20 * 60),
    c.append(batchOf(100))
  ])
  assert.equal(first + second, 1000)
  assert.equal((await c.stats()).envelopes, 240)
  assert.equal((await readPage(c, ALL)).rows.length, 240)
  await assertSound(b)
  await Promise.all([a, b, c].map(archive => archive.close()))
})

test('a keyspace that is dropped under a daemon: an error that says so, at once and for everything', async () => {
  const keyspace = newKeyspace()
  const archive = await openArchive(cluster, { keyspace })
  await archive.append(batchOf(1))
  await client.execute(`DROP KEYSPACE ${keyspace}`, [], { readTimeout: 60_000 })
  const gone = { name: 'ArchiveError', message: /is gone from Cassandra: bring it back from a snapshot/ }
  await assert.rejects(archive.append(batchOf(2)), gone)
  await assert.rejects(readPage(archive, ALL), gone)
  await assert.rejects(archive.prune(2 ** 32), gone)
  await assert.rejects(archive.stats(), gone)
  await archive.close()
})
