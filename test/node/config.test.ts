import assert from 'node:assert/strict'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { readConfig } from '../../src/node/settings/config.js'
import { listenAddresses, startShape } from '../../src/node/settings/start-config.js'
import { tempDir } from './temp-dir.js'

function file(t: Parameters<typeof tempDir>[0], value: unknown): string {
  const path = join(tempDir(t), 'config.json')
  writeFileSync(path, typeof value === 'string' ? value : JSON.stringify(value))
  return path
}

function refusal(flags: Record<string, unknown>, env: Record<string, string> = {}): string {
  try {
    readConfig(startShape, { flags, env })
  } catch (err) {
    assert.equal((err as Error).name, 'ConfigError')
    return (err as Error).message
  }
  assert.fail('it was accepted')
}

test('nothing given is a valid configuration with a fixed port', () => {
  const config = readConfig(startShape, { flags: {}, env: {} })
  assert.deepEqual(listenAddresses(config), ['/ip4/0.0.0.0/tcp/30304'])
  assert.equal(config.retention, undefined)
})

test('a flag beats the environment, the environment beats the file', t => {
  const config = file(t, { retention: '1d', 'min-pow': 0.5, 'max-ttl': '1h', 'accept-push': true, peer: [] })
  const env = { WAKU_MAILSERVER_CONFIG: config, WAKU_MAILSERVER_RETENTION: '2d', WAKU_MAILSERVER_MIN_POW: '0.25' }
  const settings = readConfig(startShape, { flags: { retention: '3d' }, env })
  assert.equal(settings.retention, 3 * 86_400)
  assert.equal(settings['min-pow'], 0.25)
  assert.equal(settings['max-ttl'], 3600)
  assert.equal(settings['accept-push'], true)
})

test('lists come from repeated flags, commas, or an array in the file', t => {
  const flags = { 'archive-topics': ['a,0x01020304', 'b'] }
  const topics = readConfig(startShape, { flags, env: {} })['archive-topics']
  assert.deepEqual(
    topics?.map(({ name }) => name),
    ['a', undefined, 'b']
  )
  const config = file(t, { listen: ['/ip4/127.0.0.1/tcp/1', '/ip4/127.0.0.1/tcp/2'] })
  assert.deepEqual(listenAddresses(readConfig(startShape, { flags: { config }, env: {} })), [
    '/ip4/127.0.0.1/tcp/1',
    '/ip4/127.0.0.1/tcp/2'
  ])
})

test('a message names the key, where it came from and what is allowed', t => {
  assert.match(refusal({ retention: 'x' }), /^--retention: expected a duration with its unit such as .*, got "x"$/)
  assert.match(
    refusal({}, { WAKU_MAILSERVER_MIN_POW: 'NaN' }),
    /^WAKU_MAILSERVER_MIN_POW \(environment\): expected a number, 0 to 1000000, got "NaN"$/
  )
  assert.match(refusal({}, { WAKU_MAILSERVER_ACCEPT_PUSH: 'yes' }), /ACCEPT_PUSH .*expected true or false, got "yes"$/)
  const config = file(t, { 'require-signature': 'all' })
  assert.equal(
    refusal({ config }),
    `"require-signature" in ${config}, line 1, column 22: expected one of any, peer, got "all"`
  )
  assert.match(refusal({ listen: ['tcp:1'] }), /^--listen: expected a multiaddr to listen on/)
  assert.match(refusal({ config: file(t, { 'max-ttl': [1] }) }), /"max-ttl" in .*: expected a duration .* got \[1\]$/)
})

test('numbers that are none, infinite or negative are refused', () => {
  for (const text of ['', ' ', 'Infinity', '-0.1', '1x'])
    assert.match(refusal({ 'request-pow': text }), /--request-pow/)
})

test('a config file must be there, be a JSON object and have known keys only', t => {
  assert.match(
    refusal({ config: join(tempDir(t), 'none') }),
    /^--config: cannot read .*: there is no such file \(ENOENT\)$/
  )
  assert.match(refusal({ config: file(t, '[]') }), /line 1, column 1: expected a JSON object/)
  assert.match(refusal({ config: file(t, '{"a": [') }), /at its end: no JSON: something is missing/)
  assert.match(
    refusal({ config: file(t, { retenton: '1d' }) }),
    /"retenton" in .*, line 1, column 2: no such setting; is it "retention"\?/
  )
  assert.match(refusal({ config: file(t, { zzzzzzzzzz: 1 }) }), /no such setting; allowed are .*retention/)
  assert.match(refusal({ config: file(t, { once: true }) }), /no such setting/, 'it belongs to one run')
})

test('a bad enode URL among the peers is an error that names the setting and says why', () => {
  const peer = [`enode://${'00'.repeat(64)}@127.0.0.1:30303`]
  assert.throws(() => readConfig(startShape, { flags: { peer }, env: {} }), {
    name: 'ConfigError',
    message: /^--peer: expected an enode URL.*the node id is no public key/
  })
})

test('what is wrong with a config file is said with its line and column', t => {
  const cases: Array<[string, RegExp]> = [
    ['\ufeff{"retention": "30d"}', /line 1, column 1: a byte-order mark; save the file as UTF-8 without one$/],
    ['{\n  "retention": "30d",\n}', /line 3, column 1: no JSON: "}" is unexpected, perhaps after a comma too many/],
    [
      '{\n  "listen": ["/ip4/127.0.0.1/tcp/0",]\n}',
      /line 2, column 37: no JSON: "]" is unexpected, perhaps after a comma/
    ],
    ['{\n  "retention": "30d"\n  "min-pow": 1\n}', /line 3, column 3: no JSON: .* is unexpected$/],
    ['{\n  "min-pow": 1,\n  "min-pow": 2\n}', /"min-pow" in .*, line 3, column 3: given before, on line 2, column 3$/],
    ['{\n  "retention": 30\n}', /"retention" in .*, line 2, column 16: expected a duration with its unit .*, got 30$/],
    ['{"retention": 30d}', /line 1, column 1[0-9]: no JSON/],
    ['// mine\n{}', /line 1, column 1: no JSON/],
    ['', /is empty: expected a JSON object/],
    ['['.repeat(200_000), /more than 100 deep/],
    ['{"password": 1234}', /line 1, column 14: expected a text that is not empty, got 1234$/],
    ['{"archive-topics": []}', /line 1, column 20: expected a topic.*, got an empty list$/],
    ['{"__proto__": 1}', /"__proto__" in .*no such setting/]
  ]
  for (const [text, expected] of cases) assert.match(refusal({ config: file(t, text) }), expected)
  const path = join(tempDir(t), 'utf16.json')
  writeFileSync(path, Buffer.from('\ufeff{}', 'utf16le'))
  assert.match(refusal({ config: path }), /is not UTF-8/)
})

test('lists are trimmed and have no empty items, wherever they come from', t => {
  const names = (flags: Record<string, unknown>, env = {}): unknown =>
    readConfig(startShape, { flags, env })['archive-topics']?.map(({ name }) => name)
  assert.deepEqual(names({ 'archive-topics': ['news, sport', ' weather '] }), ['news', 'sport', 'weather'])
  assert.deepEqual(names({}, { WAKU_MAILSERVER_ARCHIVE_TOPICS: 'news, sport' }), ['news', 'sport'])
  const config = file(t, { 'archive-topics': [' news', 'sport '] })
  assert.deepEqual(names({ config }), ['news', 'sport'])
  for (const text of ['', ' ', 'news,', ',news', 'news,,sport', 'news, ,sport']) {
    assert.match(refusal({ 'archive-topics': [text] }), /^--archive-topics: expected a topic.*between commas, got "/)
    assert.match(refusal({ config: file(t, { 'archive-topics': [text] }) }), /between commas, got "/)
    if (text !== '') assert.match(refusal({}, { WAKU_MAILSERVER_ARCHIVE_TOPICS: text }), /between commas, got "/)
  }
  assert.deepEqual(readConfig(startShape, { flags: { config: file(t, { peer: [] }) }, env: {} }).peer, [])
})
