import assert from 'node:assert/strict'
import { test } from 'node:test'
import { CanaryRecord } from '../../src/admin/canary-record.js'
import { CHECKS, type Check, type CheckName, ok } from '../../src/admin/check.js'
import { archiveReads, clock, disk, listeners, upstreams } from '../../src/admin/checks.js'
import { forecast } from '../../src/admin/forecast.js'
import { Health } from '../../src/admin/health.js'
import type { Sample } from '../../src/admin/samples.js'
import { openDatabase } from '../../src/archive/database/database.js'
import { newEnvelope } from '../helpers/envelopes.js'
import { tempDir } from '../node/temp-dir.js'

const DAY = 86_400
const { signal } = new AbortController()
const now = (): number => Math.floor(Date.now() / 1000)

const NOTHING: Sample = {
  at: 0,
  received: 0,
  stored: 0,
  refused: 0,
  future: 0,
  expired: 0,
  answered: 0,
  failed: 0,
  bytes: 0,
  median: 0,
  p95: 0,
  bounds: 0,
  archive: 0,
  free: 0,
  libp2p: 0,
  devp2p: 0,
  loop: 0,
  memory: 0
}

test('the disk is full when its room is gone at the pace of the last day', () => {
  const at = (hours: number, free: number): Sample => ({ ...NOTHING, at: hours * 3600, free })
  assert.equal(forecast([]), undefined)
  assert.equal(forecast([at(0, 1000), at(0.1, 900)]), undefined, 'six minutes say nothing')
  const half = forecast([at(0, 2000), at(5, 1), at(12, 1000)])
  assert.deepEqual(half, { perDay: 2000, days: 0.5 })
  assert.equal(forecast([at(0, 1000), at(12, 1000)])?.days, undefined)
  assert.equal(forecast([at(0, 1000), at(12, 2000)])?.days, undefined)
})

test('a disk that is full soon is worth a word', async t => {
  const folder = tempDir(t)
  const look = async (samples: Sample[]) => await disk(folder, () => samples)(signal)
  assert.equal((await look([])).status, 'ok')
  const shrinking = [1000, 500].map((free, i) => ({ ...NOTHING, at: i * DAY, free }))
  const found = await look(shrinking)
  assert.equal(found.status, 'warning')
  assert.match(found.reason, /full in 1\.0 days at the pace of the last day/)
  assert.equal((await look(shrinking.toReversed().map((one, i) => ({ ...one, at: i * DAY })))).status, 'ok')
  assert.equal((await disk(`${folder}/none`, () => [])(signal)).status, 'unknown')
})

test('a clock that most peers disagree with is told, and in which direction', async t => {
  const database = await openDatabase(tempDir(t))
  t.after(() => database.close())
  const { archive } = database
  const look = async (change: Partial<Sample>) =>
    await clock(archive, () => [{ ...NOTHING, at: now(), received: 100, ...change }])(signal)
  assert.equal((await look({})).status, 'ok')
  assert.equal((await look({ received: 10 })).status, 'unknown')
  assert.match((await look({ future: 51 })).reason, /is behind/)
  assert.match((await look({ expired: 51 })).reason, /is ahead/)
  assert.equal((await look({ expired: 50 })).status, 'ok')
  await archive.append([newEnvelope({ sent: now() + 3600 })])
  const back = await look({})
  assert.equal(back.status, 'warning')
  assert.match(back.reason, /did the clock of this machine go back\?/)
})

test('an archive that cannot be read fails with the reason', async t => {
  const database = await openDatabase(tempDir(t))
  const look = archiveReads(database.archive)
  assert.deepEqual(await look(signal), ok('0 envelopes'))
  await database.close()
  const found = await look(signal)
  assert.equal(found.status, 'failed')
  assert.match(found.reason, /^the archive cannot be read: /)
})

test('what does not listen is named, and upstreams are counted', async () => {
  const found = await listeners(() => ({ libp2p: true, devp2p: false }))(signal)
  assert.deepEqual(found, { status: 'failed', reason: 'nobody can connect by devp2p: start the node again' })
  assert.equal((await upstreams(0, () => assert.fail('nobody to dial'))(signal)).status, 'ok')
  assert.deepEqual(await upstreams(2, async () => 1)(signal), { status: 'warning', reason: '1 of 2 can be reached' })
})

test('a canary that did not come back fails; one that was never sent says nothing', async () => {
  const record = new CanaryRecord(false)
  assert.equal((await record.check()).status, 'unknown')
  record.note({ passed: true, at: 1, seconds: 0.5, reason: 'fetched' })
  assert.equal((await record.check()).status, 'ok')
  record.note({ passed: false, at: 2, reason: 'the node did not confirm the envelope' })
  assert.deepEqual(await record.check(), { status: 'failed', reason: 'the node did not confirm the envelope' })
  assert.equal(record.lastPassed?.at, 1)
  assert.deepEqual(record.counts, { passed: 1, failed: 1 })
})

test('a check that throws or hangs fails alone, and many who ask at once are answered with one look', async () => {
  let looks = 0
  const look: Check = async () => {
    looks++
    return ok('fine')
  }
  const checks = Object.fromEntries(CHECKS.map(name => [name, look])) as Record<CheckName, Check>
  checks.damage = () => Promise.reject(new Error('it broke'))
  const health = new Health(checks)
  const reports = await Promise.all([health.report(), health.report()])
  assert.equal(looks, CHECKS.length - 1)
  for (const report of reports)
    assert.deepEqual(
      report.map(({ name }) => name),
      CHECKS
    )
  assert.deepEqual(await health.failing(), ['damage'])
  assert.equal(health.known.damage, 'failed')
  await health.report({ fresh: true })
  assert.equal(looks, 2 * (CHECKS.length - 1))
})
