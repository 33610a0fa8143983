import assert from 'node:assert/strict'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, test } from 'node:test'
import cassandra from 'cassandra-driver'
import type { CassandraArchive } from '../../src/archive/cassandra/cassandra-archive.js'
import type { Envelope } from '../../src/wire/envelope/envelope.js'
import { topicFromNumber } from '../../src/wire/envelope/topic.js'
import { GapKind } from '../../src/wire/request/coverage.js'
import { envelopeAt } from '../archive/traffic.js'
import { runHere } from '../cli/in-process.js'
import { newDataDir } from '../cli/processes.js'
import { closeOpened, newKeyspace, oneNode, openArchive } from './archive-of.js'

// What an operator does to the archive of a node that is stopped.
const cluster = await oneNode()
const client = new cassandra.Client({ contactPoints: cluster.contactPoints, localDataCenter: 'datacenter1' })
const folder = await mkdtemp(join(tmpdir(), 'waku-admin-'))
after(async () => {
  await client.shutdown()
  await closeOpened()
  await cluster.stop()
  await rm(folder, { recursive: true, force: true })
})
const dataDir = join(folder, 'node')
await newDataDir(dataDir)

const DAY = 18_518
const NOON = DAY * 86_400 + 43_200
const envelopes = Array.from({ length: 20 }, (_, i) => envelopeAt(NOON + i, topicFromNumber(i % 2), Uint8Array.of(i)))
const urlOf = (keyspace: string): string => `cassandra://${cluster.contactPoints.join()}/${keyspace}`
const keyspace = newKeyspace()
const archive = ['--data-dir', dataDir, '--archive', urlOf(keyspace), '--archive-replication', '1']

/** What the commands say, as far as it is looked at. */
interface Said {
  running: boolean
  archive: { envelopes: number; topics: number }
  summary: { envelopes: number; stored: number; known: number }
  pruned: number
  envelopes: number
  missing: number
  index: number
  countsWrong: boolean
}

async function json(...args: string[]): Promise<Said> {
  const { code, stdout, stderr } = await runHere([...args, '--json'])
  assert.equal(code, 0, stderr)
  return JSON.parse(stdout)
}

test('a keyspace without an archive is left as it is by whoever only looks', async () => {
  for (const command of [['stats'], ['verify'], ['prune', '--before', '1d']]) {
    const { code, stderr } = await runHere([...command, ...archive])
    assert.equal(code, 1)
    assert.match(stderr, /there is no archive in the keyspace/)
  }
  const { rows } = await client.execute(`SELECT * FROM system_schema.keyspaces WHERE keyspace_name = '${keyspace}'`)
  assert.equal(rows.length, 0)
})

test('stats, verify, export, backup and prune of a stopped node are about the archive that --archive or --config names', async () => {
  const shared: CassandraArchive = await openArchive(cluster, { keyspace })
  await shared.append(envelopes)
  await shared.close()
  const config = join(folder, 'node.json')
  await writeFile(config, JSON.stringify({ archive: urlOf(keyspace), 'archive-replication': 1, 'min-pow': 0 }))
  const named = await json('stats', ...archive)
  assert.deepEqual([named.archive.envelopes, named.archive.topics, named.running], [20, 2, false])
  assert.deepEqual(await json('stats', '--data-dir', dataDir, '--config', config), named)
  assert.equal((await json('stats', '--data-dir', dataDir)).archive.envelopes, 0, 'that of the data dir')
  assert.equal((await json('verify', ...archive)).envelopes, 20)

  const file = join(folder, 'all.wkm')
  assert.equal((await json('export', ...archive, '--output', file)).summary.envelopes, 20)
  const other = join(folder, 'other')
  await newDataDir(other)
  assert.equal((await json('import', file, '--data-dir', other, '--retention', 'forever')).summary.stored, 20)
  const backup = join(folder, 'backup.wkm')
  assert.equal((await json('backup', ...archive, '--output', backup)).summary.envelopes, 20)
  assert.equal((await json('import', file, ...archive, '--retention', 'forever')).summary.known, 20)

  const before = new Date((NOON + 5) * 1000).toISOString()
  assert.equal((await json('prune', ...archive, '--before', before)).pruned, 5)
  assert.equal((await json('stats', ...archive)).archive.envelopes, 15)
  assert.equal((await json('verify', ...archive)).envelopes, 15)
})

test('repair drops what is spoiled or gone, and makes counts and the order of ingest anew from the rows', async () => {
  const [spoiled, gone, unnumbered] = envelopes.slice(10) as [Envelope, Envelope, Envelope]
  const row = 'WHERE topic = ? AND day = ? AND slot = 0 AND sent = ? AND hash = ?'
  const keyOf = ({ topicNumber, sent, hash }: Envelope) => [topicNumber, DAY, sent, Buffer.from(hash)]
  const change = (cql: string, params: unknown[]) => client.execute(cql, params, { prepare: true })
  await change(`UPDATE ${keyspace}.envelope SET raw = 0x00 ${row}`, keyOf(spoiled))
  await change(`DELETE FROM ${keyspace}.envelope ${row}`, keyOf(gone))
  // they were stored one after another: the number of each is its place
  await change(`DELETE FROM ${keyspace}.envelope_seq WHERE bucket = 0 AND seq = ?`, [envelopes.indexOf(unnumbered) + 1])
  await change(`UPDATE ${keyspace}.topic_day SET n = 99 WHERE topic = 0 AND day = ?`, [DAY])
  await change(`UPDATE ${keyspace}.waku_archive SET envelopes = 77 WHERE key = 'archive' IF EXISTS`, [])

  const { code, stdout } = await runHere(['verify', ...archive, '--json'])
  assert.equal(code, 1)
  const { gaps, files, restored, ...found } = JSON.parse(stdout)
  assert.deepEqual(found, { envelopes: 13, damaged: 1, missing: 1, index: 2, countsWrong: true })
  assert.deepEqual([files, restored], [0, 0])
  assert.deepEqual(gaps, [{ from: spoiled.sent, until: gone.sent, kind: GapKind.damaged, count: 2 }])
  assert.equal((await json('repair', ...archive)).missing, 1)
  const after = await json('verify', ...archive)
  assert.deepEqual([after.envelopes, after.index, after.countsWrong], [13, 0, false])
  assert.equal((await json('stats', ...archive)).archive.envelopes, 13)
  const again = await openArchive(cluster, { keyspace })
  assert.equal((await again.coverage({ lower: spoiled.sent, upper: spoiled.sent })).gaps.length, 1, 'and says so')
  // what was dropped can be stored again
  assert.deepEqual(await again.append([spoiled, gone, unnumbered]), ['stored', 'stored', 'known'])
  await again.close()
})
