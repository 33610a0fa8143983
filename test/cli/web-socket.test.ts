import assert from 'node:assert/strict'
import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { type TestContext, test } from 'node:test'
import { EXPIRED, GOOD, OTHER, type TestCertificate } from '../fixtures/certificates.js'
import { tempDir } from '../node/temp-dir.js'
import { type RunningNode, run, startNode } from './processes.js'

const TCP = '/ip4/127.0.0.1/tcp/0'

/** A node with these addresses to listen on, and what it printed that it has. */
async function nodeOn(t: TestContext, cwd: string, listen: string[], args: string[] = []) {
  const node: RunningNode = await startNode(t, cwd, [...listen.flatMap(each => ['--listen', each]), ...args])
  const { multiaddrs } = JSON.parse(readFileSync(join(cwd, 'ready.json'), 'utf8')) as { multiaddrs: string[] }
  return { node, multiaddrs }
}

function certificateIn(dir: string, { cert, key }: TestCertificate): string[] {
  writeFileSync(join(dir, 'tls.crt'), cert)
  writeFileSync(join(dir, 'tls.key'), key)
  return ['--tls-cert', 'tls.crt', '--tls-key', 'tls.key']
}

test('a node is reached over TCP, WebSocket and WebSocket with TLS alike', async t => {
  const cwd = tempDir(t)
  const { node, multiaddrs } = await nodeOn(t, cwd, [TCP, `${TCP}/ws`, `${TCP}/tls/ws`], certificateIn(cwd, GOOD))
  const address = (pattern: RegExp): string =>
    multiaddrs.find(each => pattern.test(each)) ?? assert.fail(`${multiaddrs}`)
  const ways = [/tcp\/\d+\/p2p/, /tcp\/\d+\/ws\/p2p/, /tcp\/\d+\/tls\/ws\/p2p/].map(address)
  const env = { NODE_EXTRA_CA_CERTS: join(cwd, 'tls.crt') }
  const posted: unknown[] = []
  for (const [i, way] of ways.entries()) {
    const args = ['post', '--to', way, '--topic', 'news', '--payload', `over ${i}`, '--json']
    const post = await run(t, args, { cwd, env })
    assert.equal(post.code, 0, post.stderr)
    posted.push(post.json()[0]?.hash)
  }
  for (const way of ways.slice(1)) {
    const args = ['request', '--server', way, '--topics', 'news', '--password-file', 'waku-data/password', '--trust']
    const request = await run(t, args, { cwd, env })
    assert.equal(request.code, 0, request.stderr)
    assert.deepEqual(new Set(request.json().map(({ hash }) => hash)), new Set(posted))
  }
  const refused = await run(t, ['post', '--to', ways[2] as string, '--topic', 'news', '--payload', 'x'], { cwd })
  assert.equal(refused.code, 1)
  assert.match(refused.stderr, /self-signed certificate|certificate/)
  assert.equal(await node.stop(), 0)
})

test('a certificate that cannot be used is an error that names the file; an expired one a warning', async t => {
  const cwd = tempDir(t)
  const listen = ['start', '--no-devp2p', '--listen', `${TCP}/tls/ws`]
  const attempt = (args: string[]) => run(t, [...listen, ...args], { cwd })
  const missing = await attempt([])
  assert.match(missing.stderr, /--listen .*\/tls\/ws needs --tls-cert and --tls-key/)
  const absent = await attempt(['--tls-cert', 'none.crt', '--tls-key', 'none.key'])
  assert.match(absent.stderr, /cannot read none\.(crt|key): there is no such file/)
  const mixed = await attempt(certificateIn(cwd, { cert: GOOD.cert, key: OTHER.key }))
  assert.match(mixed.stderr, /the key in tls\.key is not that of the certificate in tls\.crt/)
  const noKey = await attempt(certificateIn(cwd, { cert: GOOD.cert, key: 'secret' }))
  assert.match(noKey.stderr, /tls\.key holds no private key in PEM form/)
  assert.doesNotMatch(noKey.stderr, /secret/)
  const noCertificate = await attempt(certificateIn(cwd, { cert: 'x', key: GOOD.key }))
  assert.match(noCertificate.stderr, /tls\.crt holds no certificate in PEM form/)
  const unused = await run(t, ['start', '--listen', TCP, '--tls-cert', 'tls.crt'], { cwd })
  assert.match(unused.stderr, /--tls-cert and --tls-key are for an address such as/)
  for (const { code } of [missing, absent, mixed, noKey, noCertificate, unused]) assert.notEqual(code, 0)
  const { node } = await nodeOn(t, cwd, [`${TCP}/tls/ws`], ['--no-devp2p', ...certificateIn(cwd, EXPIRED)])
  assert.match(node.output(), /the certificate expired on 2021-01-01T00:00:00.000Z: browsers refuse it/)
})
