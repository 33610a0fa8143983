import assert from 'node:assert/strict'
import { randomBytes } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { connect } from 'node:net'
import { join } from 'node:path'
import { test } from 'node:test'
import { base58btc } from 'multiformats/bases/base58'
import { ClientPeer } from '../../src/node/peer/client-peer.js'
import { parsePeerAddress } from '../../src/node/settings/peer-address.js'
import { keyFromPassword } from '../../src/wire/envelope/key.js'
import { ask } from '../admin/asking.js'
import { newEnvelope, unixNow } from '../helpers/envelopes.js'
import { tempDir } from '../node/temp-dir.js'
import { type RunningNode, startNode } from './processes.js'

/** An address of this machine that nothing else here has. */
const STRANGER = '127.0.66.77'

test('what a node says of itself names no topic, payload, key, peer or address, in no notation', {
  timeout: 120_000
}, async t => {
  const cwd = tempDir(t)
  const node = await startNode(t, cwd, ['--log', 'json'], { WAKU_MAILSERVER_RETENTON: '1d' })
  const topic = randomBytes(4)
  const [payload, wrongKey] = [randomBytes(32), randomBytes(32)]
  const password = readFileSync(join(cwd, 'waku-data', 'password'), 'utf8').trim()
  const token = readFileSync(join(cwd, 'waku-data', 'admin-token'), 'utf8').trim()
  const requestKey = await keyFromPassword(password)
  const secrets = new Map<string, Uint8Array | string>([
    ['topic', topic],
    ['payload', payload],
    ['request key', requestKey],
    ['wrong key', wrongKey],
    ['password', password],
    ['token', token],
    ['address', STRANGER],
    ['bytes of the address', Uint8Array.from(STRANGER.split('.').map(Number))]
  ])

  for (const address of [node.address, node.enode]) {
    const to = parsePeerAddress(address)
    const client = await ClientPeer.open({ dataDir: join(tempDir(t), 'client'), trustOnly: to.peer })
    t.after(() => client.close())
    const signal = AbortSignal.timeout(60_000)
    await client.connect(to, { signal, timeout: 20_000 })
    const { network } = to
    const envelope = newEnvelope({ topic, data: payload, ttl: 600 })
    secrets.set(`${network} hash`, envelope.hash)
    secrets.set(`${network} peer`, client.node.peerId.toString())
    secrets.set(`${network} peer's bytes`, client.node.peerId.toMultihash().bytes)
    secrets.set(`${network} peer's key`, client.node.peerId.publicKey?.raw ?? assert.fail('it has one'))
    await client.waku.post({ envelope, to: to.peer })
    // refused: too far ahead, and expired
    for (const sent of [unixNow() + 3600, unixNow() - 3600]) {
      const bad = newEnvelope({ topic, data: payload, sent, ttl: 10 })
      await client.waku.post({ envelope: bad, to: to.peer }).catch(() => {})
    }
    for (const key of [requestKey, wrongKey]) {
      const query = { server: to.peer, network, from: 0, topics: [topic], requestKey: key, signal }
      const drained = async (): Promise<void> => {
        for await (const _ of client.mailclient.history(query));
      }
      await drained().catch(() => {})
    }
  }
  for (const port of [node.port, Number(new URL(node.enode).port)]) await garbage(port, payload)

  const said = new Map([['log', node.output()]])
  const auth = { authorization: `Bearer ${token}` }
  const named = `/${Buffer.from(topic).toString('hex')}`
  for (const path of ['/metrics', '/readyz', '/', '/api/view', '/api/archive', '/api/samples', named]) {
    for (const headers of [
      auth,
      {},
      { authorization: `Bearer ${password}` },
      { ...auth, origin: `http://${STRANGER}` }
    ]) {
      const { status, body, headers: back } = await ask(new URL(path, node.admin).href, { headers })
      said.set(`${path} ${status}`, body + JSON.stringify(back))
    }
  }
  assert.ok(said.get('/metrics 200')?.includes('outcome="undecryptable"'), 'the error paths were met')
  assert.ok(said.get('/api/view 200')?.includes('undecryptable'))
  said.set('events', await firstEvent(node, auth))
  assert.equal(await node.stop(), 0)
  said.set('whole log', node.output())

  for (const line of node
    .output()
    .split('\n')
    .filter(line => line.startsWith('{'))) {
    const { time, level, message, ...more } = JSON.parse(line)
    assert.equal(new Date(time).toISOString(), time)
    assert.ok(['info', 'warn', 'error'].includes(level))
    assert.equal(typeof message, 'string')
    assert.deepEqual(more, {})
  }
  assert.match(node.output(), /"level":"warn","message":"WAKU_MAILSERVER_RETENTON in the environment is no setting/)
  for (const message of ['serving', 'stopping'])
    assert.ok(node.output().includes(`"level":"info","message":"${message}"`))

  for (const [what, secret] of secrets) {
    for (const text of notations(secret)) {
      for (const [where, words] of said)
        assert.ok(!words.toLowerCase().includes(text.toLowerCase()), `${what} in ${where}`)
    }
  }
})

test('what is looked for would be found', () => {
  const secret = Uint8Array.from([1, 2, 3, 0xfa])
  const found = notations(secret)
  for (const text of ['010203fa', '0x010203fa', 'AQID+g', 'AQID-g', base58btc.baseEncode(secret)])
    assert.ok(
      found.some(one => text.includes(one)),
      text
    )
  // with a byte before it, as in the midst of something longer
  const inside = Buffer.from([0xff, ...secret, 0xff]).toString('base64')
  assert.ok(found.some(one => inside.includes(one)))
})

/** How something may be written: base64 also where it begins in the midst of three bytes. */
function notations(secret: Uint8Array | string): string[] {
  if (typeof secret === 'string') return [secret, ...notations(Buffer.from(secret))]
  const bytes = Buffer.from(secret)
  const base64 = [0, 1, 2].flatMap(before => {
    const padded = Buffer.concat([Buffer.alloc(before), bytes])
    // without the characters that hold bits of its neighbours
    const from = Math.ceil((before * 8) / 6)
    const until = Math.floor((padded.length * 8) / 6)
    return ['base64', 'base64url'].map(kind => padded.toString(kind as BufferEncoding).slice(from, until))
  })
  return [bytes.toString('hex'), base58btc.baseEncode(secret), ...base64]
}

/** What is no handshake, from an address of its own. */
async function garbage(port: number, bytes: Uint8Array): Promise<void> {
  const socket = connect({ port, host: '127.0.0.1', localAddress: STRANGER })
  socket.on('error', () => {})
  socket.resume()
  socket.write(Buffer.concat([Buffer.alloc(64), bytes]))
  socket.end()
  await new Promise<void>(resolve => socket.once('close', () => resolve()))
}

async function firstEvent(node: RunningNode, headers: Record<string, string>): Promise<string> {
  const gone = new AbortController()
  const response = await fetch(new URL('/api/events', node.admin), { headers, signal: gone.signal })
  const { value } = (await response.body?.getReader().read()) ?? {}
  gone.abort()
  return Buffer.from(value ?? []).toString()
}
