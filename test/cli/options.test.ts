import assert from 'node:assert/strict'
import { readdirSync } from 'node:fs'
import { test } from 'node:test'
import type { Command } from '../../src/cli/command.js'
import { commands } from '../../src/cli/commands.js'
import { metaOf } from '../../src/node/settings/config.js'
import { tempDir } from '../node/temp-dir.js'
import { runHere } from './in-process.js'

const durations = ['', '30', '0', '0s', '-1h', '1.5h', '3y', '1h 1h', '99999999w', 'soon']
const timeouts = [...durations, '25d', '86401s']
const ttls = [...durations, '367d']
const sizes = ['', '0B', '100', '-1B', '1e3B', '0.3B', '64 megabytes', '99999999999999999999B']
const numbers = ['', '-1', 'NaN', 'Infinity', '0x10', '1_000', '1,5', '1000001']
const counts = ['', '0', '-1', '1.5', '0x10', '4294967296', 'many']
const moments = ['', 'yesterday', '2026-02-30', '2026-01-01T25:00', '24', '1700000000000', '-5m', '2200-01-01']
const listens = ['', 'tcp:1', '127.0.0.1:30304', '/ip4/300.0.0.1/tcp/1', '/ip4/127.0.0.1/tcp/65536']
const peers = ['', '127.0.0.1:1', '/ip4/127.0.0.1/tcp/1', 'enode://00@127.0.0.1:1']
const topics = ['', ' ', '0x12', '0x123456789']
/** Any name that is not empty may be one of a file. */
const texts = ['']

/** What each option refuses by itself, before anything is done; where commands differ, by the command. */
const REFUSED: Record<string, string[]> = {
  'data-dir': texts,
  config: texts,
  listen: [...listens, '/ip4/127.0.0.1/tcp/1,,/ip6/::1/tcp/1'],
  announce: listens,
  'devp2p-listen': ['', '30303', 'localhost:30303', '0.0.0.0:65536', '::1:30303'],
  'admin-listen': ['', '30380', 'localhost:30380', '127.0.0.1:65536', '::1:30380'],
  canary: [...durations, '29s', '25h'],
  through: peers,
  'through-password-file': texts,
  log: ['', 'JSON', 'logfmt'],
  every: [...durations, '2h'],
  'admin-host': ['', 'a b', 'mail.example.org:80', '127.0.0.1', 'http://x', 'mail,'],
  peer: [...peers, `${'x,'.repeat(3)}`],
  upstream: peers,
  'forward-for': ['', 'all', 'any,', '16Uiu2'],
  'password-file': texts,
  password: texts,
  retention: [...durations, 'Forever', '30 d'],
  'retention-size': [...sizes, '1023KiB'],
  'retention-count': ['', '0', '-1', '1.5', '0x10', 'many', '99999999999999999999'],
  'retention-topics': [
    '',
    'news',
    'news=',
    '=7d',
    'news=0s',
    'news=7d/8d',
    'news=1MiB/2MiB',
    'news=100KiB',
    'news=3y',
    'news=7d,'
  ],
  'archive-topics': [...topics, 'news,', 'news,,sport'],
  archive: [
    '',
    '9042',
    'host/keyspace',
    'cassandra://host',
    'cassandra:///keyspace',
    'cassandra://host:0/keyspace',
    'cassandra://host,/keyspace',
    'cassandra://host/Key-Space',
    'postgres://host/keyspace'
  ],
  'archive-user': texts,
  'archive-password-file': texts,
  'archive-ca': texts,
  'archive-cert': texts,
  'archive-key': texts,
  'archive-datacenter': texts,
  'archive-replication': ['', '0', '17', '1.5', 'all'],
  'max-connections': ['', '15', '1.5', '0x400', 'many', '1000001'],
  'max-ttl': ttls,
  'min-pow': numbers,
  'request-pow': numbers,
  'require-signature': ['', 'all', 'Any'],
  'page-bytes': [...sizes, '65MiB'],
  'ready-file': texts,
  'trusted-proxy': ['', 'proxy.example', '1.2.3', '::1/64'],
  'tls-cert': texts,
  'tls-key': texts,
  to: peers,
  topic: topics,
  'payload-file': texts,
  'key-password-file': texts,
  'key-file': texts,
  ttl: ttls,
  pow: numbers,
  count: [...counts, '100001'],
  timeout: timeouts,
  server: peers,
  topics: [...topics, 'news,', ',', 'news,,sport'],
  since: moments,
  until: moments,
  limit: counts,
  'page-size': counts,
  cursor: ['', '00', 'x'.repeat(72), `16Uiu2/${'00'.repeat(36)}`, `/${'00'.repeat(36)}`],
  order: ['', 'seq', 'Time'],
  dialect: ['', 'spec9', 'SPEC5'],
  'max-bytes': sizes,
  output: texts,
  form: ['', 'xml', 'Binary'],
  label: texts,
  expires: ['', '7', 'now', '2020-01-01', '2027-02-30', '0s', 'never'],
  bytes: sizes,
  before: [...moments, '2099-01-01']
}
/** Anything is a payload. */
const FREE = new Set(['post payload'])
/** Of `keys add` it is one name, not a list of addresses. */
const OWN: Record<string, string[]> = { 'keys add peer': ['', 'somebody', '16Uiu2', '/ip4/127.0.0.1/tcp/1'] }

function optionsOf({ shape }: Command): string[] {
  return Object.keys(shape).filter(key => metaOf(shape[key])?.value !== undefined)
}

test('every option of every command says what it refuses, with its name, the value and what is allowed, before any work', async t => {
  const cwd = process.cwd()
  const empty = tempDir(t)
  process.chdir(empty)
  t.after(() => process.chdir(cwd))
  const used = new Set<string>()
  for (const command of commands) {
    for (const key of optionsOf(command)) {
      const id = `${command.name} ${key}`
      if (FREE.has(id)) continue
      const refused = OWN[id] ?? REFUSED[key]
      assert.ok(refused !== undefined, `--${key} of ${command.name} has no row in this table`)
      used.add(OWN[id] === undefined ? key : id)
      for (const value of refused) {
        const operands = (command.operands ?? []).map(() => 'x')
        const { code, stderr, stdout } = await runHere([...command.name.split(' '), `--${key}=${value}`, ...operands])
        const said = `${id}=${value}: ${stderr}`
        assert.equal(code, 2, said)
        assert.equal(stdout, '', said)
        const lines = stderr.split('\n').filter(line => line !== '' && !line.includes('--password is seen by everyone'))
        assert.equal(lines.length, 1, said)
        if (key === 'config') continue
        assert.match(stderr, new RegExp(`--${key}: expected .*, got "`), said)
        assert.ok(stderr.includes(JSON.stringify(value).slice(1, 60).replace(/"$/, '')), said)
      }
    }
  }
  assert.deepEqual(readdirSync(empty), [], 'nothing was made')
  assert.deepEqual(
    [...Object.keys(REFUSED), ...Object.keys(OWN)].filter(key => !used.has(key)),
    [],
    'every row is of an option'
  )
})

test('a switch takes no value on the command line, and true or false elsewhere', async () => {
  for (const command of commands) {
    for (const [key, type] of Object.entries(command.shape)) {
      const meta = metaOf(type)
      assert.ok(meta !== undefined, `--${key} of ${command.name} is described`)
      if (meta.value !== undefined) continue
      assert.equal(type.safeParse('yes').success, false, `${command.name} ${key}`)
      assert.equal(type.safeParse(1).success, false, `${command.name} ${key}`)
      assert.equal(type.safeParse('true').data, true, `${command.name} ${key}`)
      const operands = (command.operands ?? []).map(() => 'x')
      const { code, stderr } = await runHere([...command.name.split(' '), `--${key}=yes`, ...operands])
      assert.equal(code, 2, stderr)
      assert.match(stderr, new RegExp(`--${key}`))
    }
  }
})
