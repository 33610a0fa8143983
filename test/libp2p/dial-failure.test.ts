import '../../src/base/polyfill.js'
import assert from 'node:assert/strict'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { type TestContext, test } from 'node:test'
import { generateKeyPair } from '@libp2p/crypto/keys'
import { multiaddr } from '@multiformats/multiaddr'
import { dialFailure } from '../../src/libp2p/dial-failure.js'
import { failedDial } from '../../src/libp2p/failed-dial.js'
import { readCertificate } from '../../src/node/peer/certificate.js'
import { createPeerNode } from '../../src/node/peer/peer-node.js'
import { WebSockets } from '../../src/node/peer/web-sockets.js'
import { EXPIRED, GOOD, type TestCertificate } from '../fixtures/certificates.js'
import { tempDir } from '../node/temp-dir.js'

async function failureOf(t: TestContext, address: string): Promise<{ reason: string; text: string }> {
  const peer = await createPeerNode({ privateKey: await generateKeyPair('secp256k1'), services: {} })
  t.after(() => peer.stop() as Promise<void>)
  await peer.start()
  try {
    await peer.dial(multiaddr(address))
  } catch (err) {
    return await dialFailure(err)
  }
  assert.fail('it was reached')
}

async function secure(t: TestContext, { cert, key }: TestCertificate): Promise<string> {
  const dir = tempDir(t)
  const files = { cert: join(dir, 'crt'), key: join(dir, 'key') }
  writeFileSync(files.cert, cert)
  writeFileSync(files.key, key)
  const node = await createPeerNode({
    privateKey: await generateKeyPair('secp256k1'),
    listen: ['/ip4/127.0.0.1/tcp/0/tls/ws'],
    webSockets: new WebSockets(await readCertificate(files)),
    services: {}
  })
  await node.start()
  t.after(() => node.stop() as Promise<void>)
  return String(node.getMultiaddrs()[0])
}

test('a failed dial says why: nothing listens, no transport, no address, a certificate of nobody known', async t => {
  for (const way of ['', '/ws', '/tls/ws']) {
    const { reason, text } = await failureOf(t, `/ip4/127.0.0.1/tcp/1${way}`)
    assert.equal(reason, 'no-answer')
    assert.match(text, /ECONNREFUSED/)
  }
  assert.equal((await failureOf(t, '/ip4/127.0.0.1/udp/1/quic-v1')).reason, 'no-address')
  for (const certificate of [GOOD, EXPIRED]) {
    const { reason, text } = await failureOf(t, await secure(t, certificate))
    assert.equal(reason, 'certificate')
    assert.match(text, /certificate/)
  }
})

test('what libp2p rejects with is told apart, also inside of several attempts', async () => {
  const named = (name: string): Error => Object.assign(new Error('x'), { name })
  const reasons = async (cause: unknown): Promise<string> => (await dialFailure(cause)).reason
  assert.equal(await reasons(named('DialDeniedError')), 'refused-address')
  assert.equal(await reasons(new AggregateError([named('TimeoutError'), named('SecurityError')])), 'insecure-page')
  assert.equal(await reasons(named('UnsupportedProtocolError')), 'no-mailserver')
  for (const nothing of [undefined, null, {}, 'text']) assert.equal(await reasons(nothing), 'no-answer')
})

test('a dial that failed is told in its own words where what explains it cannot be loaded', async () => {
  const cause = Object.assign(new Error('no way'), { name: 'UnsupportedProtocolError' })
  assert.equal((await failedDial(cause)).reason, 'no-mailserver')
  const unloadable = (): Promise<never> => Promise.reject(new TypeError('Failed to fetch dynamically imported module'))
  assert.deepEqual(await failedDial(cause, unloadable), { reason: 'no-answer', text: 'no answer: no way' })
})
