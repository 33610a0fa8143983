import assert from 'node:assert/strict'
import { X509Certificate } from 'node:crypto'
import { readFileSync, statSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { pathToFileURL } from 'node:url'
import type { Upgrader } from '@libp2p/interface'
import { multiaddr } from '@multiformats/multiaddr'
import { webRtcCertificate } from '../../src/node/peer/webrtc-certificate.js'
import { loadWebRtc } from '../../src/node/peer/webrtc-direct.js'
import { tempDir } from './temp-dir.js'

test('the certificate of WebRTC-direct is made once, private, and fits an address', async t => {
  const path = join(tempDir(t), 'webrtc')
  const [first, same] = await Promise.all([webRtcCertificate(path), webRtcCertificate(path)])
  assert.deepEqual(same, first)
  assert.deepEqual(await webRtcCertificate(path), first)
  assert.equal(statSync(path).mode & 0o777, 0o600)
  const certificate = new X509Certificate(first.pem)
  assert.ok(certificate.verify(certificate.publicKey), 'signed by its own key')
  assert.equal(certificate.publicKey.asymmetricKeyDetails?.namedCurve, 'prime256v1')
  assert.ok(Date.parse(certificate.validFrom) < Date.now() - 3_600_000)
  assert.ok(Date.parse(certificate.validTo) > Date.now() + 15 * 365 * 86_400_000)
  const hash = Buffer.from(first.certhash.slice(1), 'base64url').subarray(2).toString('hex')
  assert.equal(hash, certificate.fingerprint256.replaceAll(':', '').toLowerCase())
  assert.ok(multiaddr(`/ip4/127.0.0.1/udp/1/webrtc-direct/certhash/${first.certhash}`).bytes.length > 0)
})

test('a file that holds something else is refused with what to do, and stays as it is', async t => {
  const dir = tempDir(t)
  const [path, other] = [join(dir, 'webrtc'), join(dir, 'other')]
  await webRtcCertificate(path)
  await webRtcCertificate(other)
  const [good, strange] = [readFileSync(path, 'utf8'), readFileSync(other, 'utf8')]
  const [key] = good.split('-----BEGIN CERTIFICATE')
  const [, certificate] = strange.split('-----BEGIN CERTIFICATE')
  for (const text of ['', 'x', key, `${key}-----BEGIN CERTIFICATE${certificate}`]) {
    writeFileSync(path, text as string)
    await assert.rejects(webRtcCertificate(path), {
      name: 'CertificateError',
      message: /webrtc does not hold the certificate of WebRTC-direct and its key: restore it, or delete it/
    })
    assert.equal(readFileSync(path, 'utf8'), text)
  }
})

test('a package that is not installed, or does not work here, is told with the remedy', async t => {
  await assert.rejects(loadWebRtc('@libp2p/webrtc-that-is-nowhere'), {
    name: 'WebRtcError',
    message: /--webrtc-direct needs the package @libp2p\/webrtc, which is not installed: npm install @libp2p\/webrtc@6/
  })
  const path = join(tempDir(t), 'broken.mjs')
  writeFileSync(path, "import './native.node.mjs'")
  await assert.rejects(loadWebRtc(pathToFileURL(path).href), {
    name: 'WebRtcError',
    message: /--webrtc-direct: the package @libp2p\/webrtc does not work here: Cannot find module/
  })
})

/** Hands its components out; the real one asks for a signal with every datagram that begins something. */
const RECORDER = 'export const webRTCDirect = () => components => ({ components, createListener: () => ({}) })'

test('only so many handshakes are under way at a time, whoever began them', async t => {
  const path = join(tempDir(t), 'recorder.mjs')
  writeFileSync(path, RECORDER)
  let refused = 0
  const certificate = await webRtcCertificate(join(tempDir(t), 'webrtc'))
  const transport = (await loadWebRtc(pathToFileURL(path).href))({
    certificate,
    handshakes: 2,
    onRefused: () => void refused++
  })
  const upgrader = {
    createInboundAbortSignal: () => Object.assign(new AbortController().signal, { clear: () => {} })
  } as unknown as Upgrader
  const given = transport({ upgrader }) as unknown as { components: { upgrader: Upgrader } }
  const begin = () => given.components.upgrader.createInboundAbortSignal(new AbortController().signal)
  const [first, second, third] = [begin(), begin(), begin()]
  assert.deepEqual([first.aborted, second.aborted, third.aborted, refused], [false, false, true, 1])
  third.clear()
  first.clear()
  first.clear() // counted once
  assert.deepEqual([begin().aborted, begin().aborted, refused], [false, true, 2])
})
