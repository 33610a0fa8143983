import assert from 'node:assert/strict'
import { once } from 'node:events'
import { writeFileSync } from 'node:fs'
import { connect, type Socket } from 'node:net'
import { join } from 'node:path'
import { type TestContext, test } from 'node:test'
import { connect as connectTls } from 'node:tls'
import { generateKeyPair } from '@libp2p/crypto/keys'
import type { Connection } from '@libp2p/interface'
import { WebSocket } from 'ws'
import { type Certificate, readCertificate } from '../../src/node/peer/certificate.js'
import { CertificateWatch } from '../../src/node/peer/certificate-watch.js'
import { createPeerNode } from '../../src/node/peer/peer-node.js'
import type { SocketGateLimits } from '../../src/node/peer/socket-gate.js'
import { WebSockets } from '../../src/node/peer/web-sockets.js'
import { GOOD, OTHER, type TestCertificate } from '../fixtures/certificates.js'
import { until } from '../helpers/waku-node.js'
import { tempDir } from './temp-dir.js'

function write(dir: string, { cert, key }: TestCertificate): { cert: string; key: string } {
  const files = { cert: join(dir, 'tls.crt'), key: join(dir, 'tls.key') }
  writeFileSync(files.cert, cert)
  writeFileSync(files.key, key)
  return files
}

async function listening(
  t: TestContext,
  { limits, certificate }: { limits?: SocketGateLimits; certificate?: Certificate } = {}
) {
  const webSockets = new WebSockets(certificate, limits)
  const node = await createPeerNode({
    privateKey: await generateKeyPair('secp256k1'),
    listen: [`/ip4/127.0.0.1/tcp/0/${certificate === undefined ? '' : 'tls/'}ws`],
    webSockets,
    services: {}
  })
  await node.start()
  t.after(() => node.stop() as Promise<void>)
  const port = Number(/tcp\/(\d+)/.exec(String(node.getMultiaddrs()[0]))?.[1])
  return { node, webSockets, port }
}

/** A socket of one of this machine's addresses, once the connection stands; `closed` when it no longer does. */
async function socketFrom(t: TestContext, port: number, localAddress: string): Promise<Socket> {
  const socket = connect({ port, host: '127.0.0.1', localAddress })
  t.after(() => socket.destroy())
  socket.on('error', () => {}).resume()
  await Promise.race([once(socket, 'connect'), once(socket, 'close')])
  return socket
}

async function dialler(t: TestContext) {
  const peer = await createPeerNode({ privateKey: await generateKeyPair('secp256k1'), services: {} })
  t.after(() => peer.stop() as Promise<void>)
  await peer.start()
  return peer
}

test('sockets of one address that never become WebSockets leave places to others, and are ended in time', async t => {
  const { node, port } = await listening(t, { limits: { perAddress: 4, timeout: 1_000 } })
  const silent: Socket[] = []
  for (let i = 0; i < 8; i++) silent.push(await socketFrom(t, port, '127.0.0.2'))
  await until(() => silent.filter(({ closed }) => closed).length === 4)
  const peer = await dialler(t)
  const connection = await peer.dial(node.getMultiaddrs())
  // those that ask for pages and go on asking count too
  const asking = await socketFrom(t, port, '127.0.0.3')
  asking.on('data', () => asking.write('GET / HTTP/1.1\r\nHost: x\r\n\r\n'))
  asking.write('GET / HTTP/1.1\r\nHost: x\r\n\r\n')
  await until(() => silent.every(({ closed }) => closed) && asking.closed)
  assert.equal(connection.status, 'open')
})

test('a node stops though sockets have not said a word', async t => {
  const { node, port } = await listening(t)
  const silent = await socketFrom(t, port, '127.0.0.2')
  // accepted, since a later one was served
  await (await dialler(t)).dial(node.getMultiaddrs())
  await node.stop()
  await until(() => silent.closed)
})

test('a stranger cannot have the node hold a large message', async t => {
  const { port } = await listening(t)
  const socket = new WebSocket(`ws://127.0.0.1:${port}`)
  t.after(() => socket.terminate())
  await once(socket, 'open')
  const sent = new Promise<number>(resolve => socket.once('close', resolve))
  socket.on('error', () => {})
  socket.send(new Uint8Array(2 * 1024 * 1024))
  assert.equal(await sent, 1009)
})

test('inbound connections over WebSocket give way like those over TCP', async t => {
  const node = await createPeerNode({
    privateKey: await generateKeyPair('secp256k1'),
    listen: ['/ip4/127.0.0.1/tcp/0/ws'],
    maxConnections: 4,
    services: {}
  })
  await node.start()
  t.after(() => node.stop() as Promise<void>)
  const connections: Connection[] = []
  for (let i = 0; i < 6; i++) connections.push(await (await dialler(t)).dial(node.getMultiaddrs()))
  await until(() => connections.filter(({ status }) => status === 'open').length === 3)
  assert.equal(node.getConnections().length, 3)
})

test('whom a trusted proxy forwards counts by its own address; from anyone else the header means nothing', async t => {
  const { node, port } = await listening(t, { limits: { perAddress: 1, proxies: new Set(['127.0.0.2']) } })
  const own = globalThis.WebSocket
  t.after(() => {
    globalThis.WebSocket = own
  })
  const seen = async (localAddress: string, header: string): Promise<string> => {
    globalThis.WebSocket = class extends WebSocket {
      constructor(url: string) {
        super(url, { localAddress, headers: { 'X-Forwarded-For': header } })
      }
    } as unknown as typeof globalThis.WebSocket
    const peer = await dialler(t)
    await peer.dial(node.getMultiaddrs())
    await until(() => node.getConnections(peer.peerId).length === 1)
    return `${node.getConnections(peer.peerId)[0]?.remoteAddr}`.split('/').slice(1, 3).join(' ')
  }
  assert.equal(await seen('127.0.0.2', '198.51.100.9, 203.0.113.7'), 'ip4 203.0.113.7')
  assert.equal(await seen('127.0.0.2', '2001:db8::7'), 'ip6 2001:db8::7')
  assert.equal(await seen('127.0.0.2', 'unknown'), 'ip4 127.0.0.2')
  assert.equal(await seen('127.0.0.3', '203.0.113.7'), 'ip4 127.0.0.3')
  // a proxy's sockets are many at a time
  const waiting = [await socketFrom(t, port, '127.0.0.2'), await socketFrom(t, port, '127.0.0.2')]
  const refused = [await socketFrom(t, port, '127.0.0.4'), await socketFrom(t, port, '127.0.0.4')]
  await until(() => refused.some(({ closed }) => closed))
  assert.ok(waiting.every(({ closed }) => !closed))
})

test('a renewed certificate is taken over while connections stay; one that is no use leaves the old one', async t => {
  const dir = tempDir(t)
  const files = write(dir, GOOD)
  const { node, webSockets, port } = await listening(t, { certificate: await readCertificate(files) })
  const lines: string[] = []
  const watch = await CertificateWatch.start({
    files,
    onRenew: renewed => webSockets.renew(renewed),
    warn: line => lines.push(line),
    interval: 10
  })
  t.after(() => watch.stop())
  const served = async (ca: string): Promise<boolean> => {
    const socket = connectTls({ port, host: '127.0.0.1', ca, servername: 'localhost' })
    try {
      await once(socket, 'secureConnect')
      return true
    } catch {
      return false
    } finally {
      socket.destroy()
    }
  }
  assert.ok(await served(GOOD.cert))
  const socket = new WebSocket(`wss://127.0.0.1:${port}`, { ca: GOOD.cert })
  t.after(() => socket.terminate())
  await once(socket, 'open')
  writeFileSync(files.key, 'rubbish')
  await until(() => lines.length === 1)
  assert.match(lines[0] ?? '', /the certificate in use stays: .*tls\.key holds no private key/)
  assert.ok(await served(GOOD.cert))
  write(dir, OTHER)
  await until(() => watch.current.cert === OTHER.cert)
  assert.ok(await served(OTHER.cert))
  assert.ok(!(await served(GOOD.cert)))
  assert.equal(socket.readyState, WebSocket.OPEN)
  assert.equal(node.status, 'started')
})
