import assert from 'node:assert/strict'
import { join } from 'node:path'
import { test } from 'node:test'
import { Daemon } from '../../src/node/daemon.js'
import { readConfig } from '../../src/node/settings/config.js'
import { startShape } from '../../src/node/settings/start-config.js'
import { until } from '../helpers/waku-node.js'
import { tempDir } from '../node/temp-dir.js'
import { ask, urlOf } from './asking.js'

test('a node that was told to sends canaries again and again, tells what became of them, and stops in the midst of one', {
  timeout: 120_000
}, async t => {
  const flags = {
    'data-dir': join(tempDir(t), 'data'),
    listen: ['/ip4/127.0.0.1/tcp/0'],
    'no-devp2p': true,
    'admin-listen': '127.0.0.1:0'
  }
  // shorter than an operator may ask for; each takes longer than that, and they never overlap
  const daemon = await Daemon.start({ ...readConfig(startShape, { flags, env: {} }), canary: 1 })
  t.after(() => daemon.stop())
  const metrics = async (): Promise<string> => (await ask(urlOf(daemon, '/metrics'))).body
  const value = (text: string, name: string): number =>
    Number(new RegExp(`^waku_mailserver_${name} (\\S+)$`, 'm').exec(text)?.[1] ?? Number.NaN)
  const before = Math.floor(Date.now() / 1000)
  assert.equal(value(await metrics(), 'canaries_total{outcome="passed"}'), 0)
  const { canary } = daemon.overview
  await until(() => canary.counts.passed + canary.counts.failed >= 2, 90_000)
  const text = await metrics()
  assert.equal(canary.counts.failed, 0, canary.last?.reason)
  assert.ok(value(text, 'canaries_total{outcome="passed"}') >= 2)
  assert.equal(value(text, 'canaries_total{outcome="failed"}'), 0)
  assert.ok(value(text, 'canary_passed_timestamp_seconds') >= before)
  assert.ok(value(text, 'canary_duration_seconds') < 60)
  assert.ok(value(text, 'archive_envelopes') >= canary.counts.passed, 'each was archived')
  const { canary: check } = Object.fromEntries(
    (await daemon.overview.health.report({ fresh: true })).map(one => [one.name, one])
  )
  assert.equal(check?.status, 'ok', check?.reason)
  await daemon.stop()
  const sum = canary.counts.passed + canary.counts.failed
  await daemon.overview.stop()
  assert.equal(canary.counts.passed + canary.counts.failed, sum)
})
