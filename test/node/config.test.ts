import assert from 'node:assert/strict'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { readConfig } from '../../src/node/config.js'
import { listenAddresses, startShape } from '../../src/node/start-config.js'
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
  assert.match(refusal({ retention: 'x' }), /^--retention: expected a duration such as .*, got "x"$/)
  assert.match(
    refusal({}, { WAKU_MAILSERVER_MIN_POW: 'NaN' }),
    /^WAKU_MAILSERVER_MIN_POW \(environment\): expected a number, 0 or more, got "NaN"$/
  )
  assert.match(refusal({}, { WAKU_MAILSERVER_ACCEPT_PUSH: 'yes' }), /ACCEPT_PUSH .*expected true or false, got "yes"$/)
  const config = file(t, { 'require-signature': 'all' })
  assert.equal(refusal({ config }), `"require-signature" in ${config}: expected one of any, peer, got "all"`)
  assert.match(refusal({ listen: ['tcp:1'] }), /^--listen: expected a multiaddr to listen on/)
  assert.match(refusal({ config: file(t, { 'max-ttl': [1] }) }), /"max-ttl" in .*: expected a duration .* got \[1\]$/)
})

test('numbers that are none, infinite or negative are refused', () => {
  for (const text of ['', ' ', 'Infinity', '-0.1', '1x'])
    assert.match(refusal({ 'request-pow': text }), /--request-pow/)
})

test('a config file must be there, be a JSON object and have known keys only', t => {
  assert.match(refusal({ config: join(tempDir(t), 'none') }), /^--config: cannot read .*ENOENT$/)
  assert.match(refusal({ config: file(t, '[]') }), /is not a JSON object/)
  assert.match(refusal({ config: file(t, '{') }), /is not a JSON object/)
  assert.match(
    refusal({ config: file(t, { retenton: '1d' }) }),
    /"retenton" in .*: no such setting; allowed are .*retention/
  )
  assert.match(refusal({ config: file(t, { once: true }) }), /no such setting/, 'it belongs to one run')
})

test('a bad enode URL among the peers is an error that names the setting and says why', () => {
  const peer = [`enode://${'00'.repeat(64)}@127.0.0.1:30303`]
  assert.throws(() => readConfig(startShape, { flags: { peer }, env: {} }), {
    name: 'ConfigError',
    message: /^--peer: expected an enode URL.*the node id is no public key/
  })
})
