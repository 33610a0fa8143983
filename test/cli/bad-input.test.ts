import assert from 'node:assert/strict'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { tempDir } from '../node/temp-dir.js'
import { runHere } from './in-process.js'
import { run } from './processes.js'

const PEER = '/ip4/127.0.0.1/tcp/1/p2p/16Uiu2HAmTvN6CWRRTqKrVGDbvVh1wpUWiwdSxDGzVYCGPNFsB6Ro'
const ID = PEER.split('/').at(-1)
const OTHER_PEER = '/ip4/127.0.0.1/tcp/1/p2p/12D3KooWDpJ7As7BWAwRMfu1VU2WCqNjvq387JEYKDBj4kx6nXTN'
/** Of 2026-01-01. */
const CURSOR = `6955b900${'00'.repeat(32)}`
const ENODE = `enode://${'00'.repeat(64)}@127.0.0.1:30303`
/** The generator of the curve: a public key like any other. */
const G =
  '79be667ef9dcbbac55a06295ce870b07029bfcdb2dce28d959f2815b16f81798483ada7726a3c4655da4fbfc0e1108a8fd17b448a68554199c47d08ffb10d4b8'
const GOOD_ENODE = `enode://${G}@127.0.0.1:1`

test('what is not understood is one clear line on stderr and exit code 2', async t => {
  const secret = join(tempDir(t), 'secret')
  writeFileSync(secret, 'secret')
  const cases: Array<[string[], RegExp]> = [
    [['strat'], /no such command: strat/],
    [['trust'], /trust: needs one of trust add, trust remove, trust list/],
    [['start', '--frobnicate'], /start: unknown option --frobnicate/],
    [['start', '--retenton', '1d'], /unknown option --retenton, is it --retention\?/],
    [['start', '--retention', '1d', '--retention', '2d'], /start: --retention is given 2 times/],
    [['start', '--devp2p-listen', '30303'], /--devp2p-listen: expected an address and a port/],
    [['start', '--no-devp2p', '--devp2p-listen', '0.0.0.0:30303'], /exclude each other/],
    [['start', '--no-admin', '--admin-listen', '127.0.0.1:0'], /exclude each other/],
    [['start', '--no-devp2p', '--upstream', GOOD_ENODE], /--upstream: an enode URL names a devp2p peer/],
    [['start', '--no-devp2p', '--peer', GOOD_ENODE], /--peer: an enode URL names a devp2p peer/],
    [
      ['start', '--listen', '/ip4/127.0.0.1/udp/0/webrtc-direct'],
      /webrtc-direct needs the flag --webrtc-direct: .*tls\/ws/
    ],
    [['start', '--webrtc-direct'], /--webrtc-direct is for an address such as --listen/],
    [['start', '--forward-for', 'all'], /--forward-for: expected a peer id/],
    [['start', '--retention', 'soon'], /--retention: expected a duration/],
    [['start', '--retention'], /--retention: expected a duration/],
    [['start', '--retention', '100000d'], /--retention: expected a duration .* to 49710d; or forever, got "100000d"/],
    [
      ['request', '--server', PEER, '--limit', '-1'],
      /--limit: expected a whole number, 1 to .* begins with a dash is written --limit=-/
    ],
    [['start', '--once'], /--once needs --self-check/],
    [['start', 'now'], /unexpected "now"/],
    [['post', '--to', PEER], /needs --topic/],
    [['post', '--topic', 'x'], /needs --to/],
    [['post', '--to', PEER, '--topic', '0x12'], /--topic: expected a topic/],
    [['post', '--to', PEER, '--topic', '0x12345678', '--payload', 'x'], /has no public channel/],
    [['post', '--to', PEER, '--topic', 'x', '--count', '0'], /--count: expected a whole number, 1 to/],
    [
      ['post', '--to', PEER, '--topic', 'x', '--ttl', '30d', '--payload', 'x'],
      /--ttl: expected at most 1d, got 30d; .*--max-ttl/
    ],
    [['post', '--to', PEER, '--topic', 'x', '--payload', 'a', '--payload-file', 'b'], /exclude each other/],
    [
      ['request', '--server', PEER, '--since', 'yesterday', '--password-file', secret],
      /--since: expected now, a duration/
    ],
    [
      ['request', '--server', PEER, '--limit', '0', '--password-file', secret],
      /--limit: expected a whole number, 1 to/
    ],
    [
      ['request', '--server', PEER, '--since', '1h', '--until', '2h', '--password-file', secret],
      /--since lies after --until/
    ],
    [['request', '--server', PEER, '--since', '2099-01-01', '--password-file', secret], /--since lies after now/],
    [
      ['request', '--server', PEER, '--since', '2026-01-02', '--cursor', CURSOR, '--password-file', secret],
      /--cursor lies before --since/
    ],
    [['request', '--server', OTHER_PEER, '--cursor', `${ID}/${CURSOR}`], /--cursor is that of another server/],
    [['keys', 'add', '-', '--key-file', 'k'], /a key name is 1 to 64 .*, got "-"/],
    [['keys', 'remove', 'ä'], /a key name is 1 to 64/],
    [['request', '--server', '127.0.0.1:30304'], /--server: expected a multiaddr with a peer id/],
    [['trust', 'add'], /trust add: needs <peer or peer id>/],
    [['trust', 'add', 'somebody'], /expected a peer id/],
    [['keys', 'add', 'alice'], /needs one of --password-file and --key-file/],
    [['prune'], /prune: needs --before/]
  ]
  for (const [args, expected] of cases) {
    const { code, stderr, stdout } = await runHere(args)
    assert.match(stderr, expected, args.join(' '))
    assert.equal(code, 2, args.join(' '))
    assert.equal(stderr.trim().split('\n').length, 1, stderr)
    assert.equal(stdout, '')
  }
})

test('a bad enode URL is one clear line wherever a peer is expected', async () => {
  for (const args of [
    ['post', '--to', ENODE, '--topic', 'x', '--payload', 'x'],
    ['request', '--server', ENODE, '--password', 'x'],
    ['start', '--peer', ENODE],
    ['start', '--upstream', ENODE],
    ['start', '--forward-for', ENODE],
    ['trust', 'add', ENODE],
    ['keys', 'add', 'a', '--peer', ENODE, '--key-file', 'k']
  ]) {
    const { code, stderr } = await runHere(args)
    assert.match(stderr, /expected an enode URL such as .*the node id is no public key/, args.join(' '))
    assert.equal(code, 2)
  }
})

test('a peer that is not there, files that are not there, and a missing data dir are errors with exit code 1', async t => {
  const cwd = tempDir(t)
  const post = ['post', '--to', PEER, '--topic', 'x']
  const cases: Array<[string[], RegExp]> = [
    [[...post, '--payload', 'x'], /cannot reach .*ECONNREFUSED.*nothing listens there/],
    [[...post, '--payload-file', 'none'], /cannot read none: there is no such file/],
    [[...post, '--payload', 'x', '--key-file', 'none'], /cannot read none: there is no such file/],
    [['request', '--server', PEER, '--trust', '--password-file', 'none'], /cannot read none: there is no such file/],
    [['restore', 'none', '--data-dir', 'new'], /^waku-mailserver: there is no none$/m],
    [['restore', '.', '--data-dir', 'new'], /it is a folder, name the file in it/],
    [['stats', '--data-dir', 'nowhere'], /there is no data dir .*nowhere/],
    [['prune', '--before', '1d', '--data-dir', 'nowhere'], /there is no data dir .*nowhere/]
  ]
  for (const [args, expected] of cases) {
    const { code, stderr } = await run(t, args, { cwd })
    assert.match(stderr, expected, args.join(' '))
    assert.equal(code, 1, args.join(' '))
  }
})

test('help comes from the schema: every option, its allowed values and its default', async () => {
  const overview = await runHere(['help'])
  assert.equal(overview.code, 0)
  for (const name of [
    'start',
    'id',
    'post',
    'request',
    'trust add',
    'keys list',
    'stats',
    'prune',
    'verify',
    'repair',
    'backfill'
  ]) {
    assert.match(overview.stdout, new RegExp(`^ {2}${name}\\b`, 'm'))
  }
  const start = await runHere(['help', 'start'])
  assert.match(start.stdout, /--retention <duration> +how long envelopes are kept \(default 30d\)/)
  assert.match(start.stdout, /--require-signature <any\|peer>/)
  assert.match(start.stdout, /--devp2p-listen <ip:port> +where legacy devp2p peers may connect/)
  assert.match(start.stdout, /--forward-for <peer\|any> +whose requests go to the upstreams \(default nobody\)/)
  const request = await runHere(['request', '--help'])
  assert.equal(request.code, 0)
  assert.match(request.stdout, /--dialect is one of spec4, .*sg7, plain6, .*raw112/)
  const version = await runHere(['version'])
  assert.match(version.stdout, /^\d+\.\d+\.\d+\n$/)
  assert.equal((await runHere([])).code, 2)
})

test('a variable for what belongs to one run is reported', async () => {
  const { stderr } = await runHere(['trust', 'remove', 'somebody'], { WAKU_MAILSERVER_TOPICS: 'news' })
  assert.match(stderr, /WAKU_MAILSERVER_TOPICS in the environment belongs to one run: give --topics there/)
})

test('a variable with a slip in its name is reported', async () => {
  for (const [slip, name] of [
    ['RETENTON', 'RETENTION'],
    ['ADMIN_LISTN', 'ADMIN_LISTEN'],
    ['NOADMIN', 'NO_ADMIN']
  ]) {
    const { stderr } = await runHere(['trust', 'remove', 'somebody'], { [`WAKU_MAILSERVER_${slip}`]: '1' })
    const line = `WAKU_MAILSERVER_${slip} in the environment is no setting, .* is it WAKU_MAILSERVER_${name}\\?`
    assert.match(stderr, new RegExp(line))
  }
})
