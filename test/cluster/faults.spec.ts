import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { mkdtempSync, rmSync } from 'node:fs'
import { readFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, test } from 'node:test'
import cassandra from 'cassandra-driver'
import { Cluster } from '../../scripts/cluster/cluster.js'
import type { CassandraArchive } from '../../src/archive/cassandra/cassandra-archive.js'
import { MAX_UINT32, toHex } from '../../src/wire/bytes.js'
import type { Envelope } from '../../src/wire/envelope/envelope.js'
import { topicFromNumber } from '../../src/wire/envelope/topic.js'
import { readPage } from '../archive/comparison.js'
import { envelopeAt } from '../archive/traffic.js'
import { fillDisk } from '../cli/small-disk.js'
import { closeOpened, newKeyspace, openArchive } from './archive-of.js'

// Three real nodes that keep three copies, and what happens to them. The second one has a small disk, where we may mount one.
const disk = mkdtempSync(join(tmpdir(), 'waku-small-disk-'))
const mounts = process.platform === 'linux' && process.getuid?.() === 0
if (mounts) execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=256m', 'tmpfs', disk])
after(() => {
  if (mounts) execFileSync('umount', ['-l', disk])
  rmSync(disk, { recursive: true, force: true })
})
const cluster = await Cluster.start({
  nodes: 3,
  folders: { 1: join(disk, 'node-2') },
  settings: { commitlog_segment_size: '8MiB', commitlog_total_space: '64MiB' }
})
after(closeOpened)
after(() => cluster.stop())
const keyspace = newKeyspace()
const archive = await openArchive(cluster, { keyspace })

const ALL = { lower: 0, upper: MAX_UINT32, limit: 50 }
/** No request fails, or succeeds, later than this, ms. */
const PATIENCE = 10_000
const confirmed = new Set<string>()
let made = 0

const next = (count: number): Envelope[] =>
  Array.from({ length: count }, () => {
    made++
    return envelopeAt(1_600_000_000 + made, topicFromNumber(made % 5), Uint8Array.of(made >> 8, made))
  })

async function timed<T>(work: Promise<T>): Promise<T> {
  const began = performance.now()
  try {
    return await work
  } finally {
    const took = performance.now() - began
    assert.ok(took < PATIENCE, `it took ${Math.round(took)} ms`)
  }
}

/** Stores until it is confirmed. */
async function store(to: CassandraArchive, list: Envelope[], attempts = 6): Promise<void> {
  for (let attempt = 1; ; attempt++) {
    try {
      await timed(to.append(list))
      for (const { hashHex } of list) confirmed.add(hashHex)
      return
    } catch (error) {
      if (attempt === attempts || (error as Error).name !== 'ArchiveError') throw error
    }
  }
}

/** Every confirmed envelope is delivered once. */
async function assertAllThere(from: CassandraArchive = archive): Promise<void> {
  const seen: string[] = []
  let cursor: Uint8Array | undefined
  do {
    const page = await timed(readPage(from, { ...ALL, cursor }))
    seen.push(...page.rows.map(({ hash }) => toHex(hash)))
    cursor = page.cursor
  } while (cursor !== undefined)
  assert.equal(new Set(seen).size, seen.length)
  assert.deepEqual(
    [...confirmed].filter(hash => !seen.includes(hash)),
    []
  )
}

test('a node killed while envelopes come and while history is read: nothing is lost', async () => {
  await store(archive, next(50))
  const killed = (async () => {
    await store(archive, next(10))
    await cluster.node(2).kill()
  })()
  for (let i = 0; i < 10; i++) await store(archive, next(10))
  await killed
  await assertAllThere()
  const page = await readPage(archive, ALL)
  await store(archive, next(10))
  assert.ok((await readPage(archive, { ...ALL, cursor: page.cursor })).rows.length > 0)
  await cluster.node(2).start()
  await store(archive, next(10))
  await assertAllThere()
})

test('a node that is silent, but not gone, holds nobody up for long', async () => {
  cluster.node(1).pause()
  try {
    for (let i = 0; i < 3; i++) await store(archive, next(10))
    await assertAllThere()
  } finally {
    cluster.node(1).resume()
  }
  await store(archive, next(10))
  await assertAllThere()
})

const FULL = /No space left on device|unsafe memory access|SIGBUS|Stopping (native transport|gossiper)/

test('a full disk on one node: it is as good as down, nothing is lost, and with room again it comes back', {
  skip: mounts ? false : 'only root mounts a small disk'
}, async () => {
  const node = cluster.node(1)
  const filler = join(disk, 'filler')
  fillDisk(filler)
  for (let i = 0; i < 200 && !FULL.test(await readFile(node.log, 'utf8')); i++) await store(archive, next(20))
  assert.match(await readFile(node.log, 'utf8'), FULL, 'it met the end of its disk')
  for (let i = 0; i < 3; i++) await store(archive, next(10))
  await assertAllThere()
  rmSync(filler)
  await node.kill()
  await node.start()
  await store(archive, next(10))
  await assertAllThere()
})

test('a node whose clock is a minute off hides nothing that is written later, and brings nothing back that was deleted', async () => {
  const node = cluster.node(2)
  for (const clock of [60, -60]) {
    await node.kill()
    await node.start({ clock })
    assert.ok(Math.abs((await clockOf(2)) - clock) < 20, 'its clock is wrong')
    const list = next(10)
    await store(archive, list)
    await assertAllThere()
    await archive.prune(2 ** 32)
    assert.equal((await readPage(archive, ALL)).rows.length, 0)
    confirmed.clear()
    await store(archive, list)
    for (let i = 0; i < 3; i++) await store(archive, next(10))
    await assertAllThere()
    const { damaged, missing, index, countsWrong } = await archive.verify()
    assert.deepEqual({ damaged, missing, index, countsWrong }, { damaged: 0, missing: 0, index: 0, countsWrong: false })
  }
})

test('two nodes down: a clear error within ten seconds, and it goes on when one is back', async () => {
  await Promise.all([cluster.node(1).kill(), cluster.node(2).kill()])
  const unclear = { name: 'ArchiveError', message: /quorum|in time|no node/ }
  const lost = next(5)
  await assert.rejects(timed(archive.append(lost)), unclear)
  await assert.rejects(timed(readPage(archive, ALL)), unclear)
  await cluster.node(1).start()
  await store(archive, lost)
  await assertAllThere()
  await cluster.node(2).start()
  // another daemon finds the same
  const other = await openArchive(cluster, { keyspace, daemon: 'other' })
  await store(other, next(10))
  await assertAllThere(other)
  const { damaged, missing, index, countsWrong } = await other.verify()
  assert.deepEqual({ damaged, missing, index, countsWrong }, { damaged: 0, missing: 0, index: 0, countsWrong: false })
  await other.close()
})

/** By how many seconds the clock of a node is ahead. */
async function clockOf(i: number): Promise<number> {
  const { WhiteListPolicy, RoundRobinPolicy } = cassandra.policies.loadBalancing
  const contactPoints = [cluster.contactPoints[i] as string]
  const client = new cassandra.Client({
    contactPoints,
    localDataCenter: 'datacenter1',
    policies: { loadBalancing: new WhiteListPolicy(new RoundRobinPolicy(), contactPoints) }
  })
  try {
    const { rows } = await client.execute('SELECT toUnixTimestamp(now()) AS now FROM system.local')
    return (Number(rows[0]?.now) - Date.now()) / 1000
  } finally {
    await client.shutdown()
  }
}
