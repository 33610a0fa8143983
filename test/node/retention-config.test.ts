import assert from 'node:assert/strict'
import { existsSync } from 'node:fs'
import { test } from 'node:test'
import { Daemon } from '../../src/node/daemon.js'
import { readConfig } from '../../src/node/settings/config.js'
import { retentionRules } from '../../src/node/settings/retention-config.js'
import { startShape } from '../../src/node/settings/start-config.js'
import { topicFromName } from '../../src/wire/envelope/topic.js'
import { tempDir } from './temp-dir.js'

const read = (flags: Record<string, unknown>) => readConfig(startShape, { flags, env: {} })

test('retention is by age unless sizes, counts or topics say more', () => {
  assert.deepEqual(retentionRules(read({})), {
    seconds: 30 * 86_400,
    bytes: undefined,
    envelopes: undefined,
    topics: undefined
  })
  const flags = {
    retention: 'forever',
    'retention-size': '20GiB',
    'retention-count': '5000000',
    'retention-topics': ['news=7d, 0x1a2b3c4d=100MiB', 'a=b=forever/1GiB']
  }
  assert.deepEqual(retentionRules(read(flags)), {
    seconds: undefined,
    bytes: 20 * 1024 ** 3,
    envelopes: 5_000_000,
    topics: [
      { topic: topicFromName('news'), seconds: 7 * 86_400, bytes: undefined },
      { topic: Uint8Array.of(0x1a, 0x2b, 0x3c, 0x4d), seconds: undefined, bytes: 100 * 1024 ** 2 },
      { topic: topicFromName('a=b'), seconds: Number.POSITIVE_INFINITY, bytes: 1024 ** 3 }
    ]
  })
})

test('a node whose retention contradicts itself does not start, and makes no data dir', async t => {
  const dir = tempDir(t)
  const dataDir = `${dir}/data`
  const start = (flags: Record<string, unknown>) => Daemon.start(read({ 'data-dir': dataDir, ...flags }))
  for (const [flags, message] of [
    [
      { 'retention-topics': ['news=1d,news=2d'] },
      /^--retention-topics: the retention of topic 0x[0-9a-f]{8} is said twice/
    ],
    [{ 'retention-topics': ['news=2GiB'], 'retention-size': '1GiB' }, /it is never reached/],
    [{ 'retention-topics': ['news=1d'], 'archive-topics': ['sport'] }, /that topic is not archived/]
  ] as const)
    await assert.rejects(start(flags), { name: 'ConfigError', message })
  assert.equal(existsSync(dataDir), false)
})
