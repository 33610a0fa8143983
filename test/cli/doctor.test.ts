import assert from 'node:assert/strict'
import { join } from 'node:path'
import { test } from 'node:test'
import type { Examination } from '../../src/node/operator/doctor.js'
import { tempDir } from '../node/temp-dir.js'
import { run, startNode } from './processes.js'

type Report = Examination & { healthy: boolean }
const stateOf = ({ checks }: Report, wanted: string): string | undefined =>
  checks.find(({ name }) => name === wanted)?.status

test('doctor posts, lets expire and fetches back, also from another mailserver, and says how all is', {
  timeout: 120_000
}, async t => {
  const cwd = tempDir(t)
  const there = tempDir(t)
  const other = await startNode(t, there)
  const upstream = ['--peer', other.address, '--upstream', other.address, '--forward-for', 'any']
  const node = await startNode(t, cwd, upstream)
  const alone = await run(t, ['doctor', '--json'], { cwd })
  const report = alone.json()[0] as unknown as Report
  assert.equal(alone.code, 0, alone.stdout + alone.stderr)
  assert.equal(report.healthy, true)
  for (const check of ['archive_reads', 'archive_writes', 'damage', 'disk', 'listeners', 'upstreams', 'canary'])
    assert.equal(stateOf(report, check), 'ok', check)

  const password = join(there, 'waku-data', 'password')
  const args = ['doctor', '--through', other.address, '--through-password-file', password]
  const through = await run(t, args, { cwd })
  assert.equal(through.code, 0, through.stdout + through.stderr)
  assert.match(through.stdout, /^ok +canary +posted, expired and fetched in \d/m)
  assert.match(through.stdout, /^ok +through +posted, expired and fetched through the other mailserver in \d/m)

  const metrics = await (await fetch(new URL('/metrics', node.admin))).text()
  assert.match(metrics, /^waku_mailserver_canaries_total\{outcome="passed"\} 2$/m)
  assert.match(metrics, /^waku_mailserver_health_state\{check="canary"\} 2$/m)

  await other.stop()
  const gone = await run(t, args, { cwd })
  assert.equal(gone.code, 1)
  assert.match(gone.stdout, /^failed +through +the other mailserver cannot be reached$/m)
  assert.match(gone.stdout, /^warning +upstreams +0 of 1 can be reached$/m)
  assert.ok(!gone.stdout.includes(other.peerId) && !gone.stdout.includes(other.address))
})

test('doctor fails when no node runs, and says so', async t => {
  const cwd = tempDir(t)
  await (await startNode(t, cwd)).stop()
  const { code, stdout } = await run(t, ['doctor'], { cwd })
  assert.equal(code, 1)
  assert.match(stdout, /^ok +archive_reads +0 envelopes$/m)
  assert.match(stdout, /^failed +listeners +no node runs on this data dir: run "waku-mailserver start"$/m)
})

test('doctor fails for a node that does not take the canary in', { timeout: 60_000 }, async t => {
  const cwd = tempDir(t)
  await startNode(t, cwd, ['--max-ttl', '1s'])
  const { code, stdout } = await run(t, ['doctor'], { cwd })
  assert.equal(code, 1)
  assert.match(stdout, /^failed +canary +the node refused the envelope$/m)
})

test('doctor takes another mailserver with its password only', async t => {
  const cwd = tempDir(t)
  const { code, stderr } = await run(
    t,
    ['doctor', '--through', '/ip4/127.0.0.1/tcp/1/p2p/16Uiu2HAm3RiiQy1MqCMkYtxYmssHVctS7vqerpZkei48EcXZWixk'],
    { cwd }
  )
  assert.equal(code, 2)
  assert.match(stderr, /--through and --through-password-file need each other/)
})
