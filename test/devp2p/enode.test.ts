import assert from 'node:assert/strict'
import { test } from 'node:test'
import { generateKeyPair, privateKeyFromRaw } from '@libp2p/crypto/keys'
import { peerIdFromPrivateKey } from '@libp2p/peer-id'
import { formatEnode, isEnode, nodeIdFromPeerId, parseEnode, peerIdFromNodeId } from '../../src/devp2p/enode.js'
import { EnodeError } from '../../src/devp2p/errors.js'
import { NodeKey } from '../../src/devp2p/node-key.js'
import { toHex } from '../../src/wire/bytes.js'

const key = new NodeKey(new Uint8Array(32).fill(1))
const id = toHex(key.id)

test('an enode URL says who and where', () => {
  for (const [rest, host, port, discoveryPort] of [
    ['127.0.0.1:30303', '127.0.0.1', 30303, undefined],
    ['[::1]:443', '::1', 443, undefined],
    ['[2001:db8::7]:30303?discport=30301', '2001:db8::7', 30303, 30301],
    ['10.1.2.3:30303?discport=30303', '10.1.2.3', 30303, undefined],
    ['10.1.2.3:30303?discport=0', '10.1.2.3', 30303, 0],
    ['mail-01.example.org:30504', 'mail-01.example.org', 30504, undefined]
  ] as const) {
    const enode = parseEnode(`enode://${id}@${rest}`)
    assert.deepEqual([enode.host, enode.port, enode.discoveryPort], [host, port, discoveryPort])
    assert.equal(toHex(enode.id), id)
    assert.equal(formatEnode(enode), `enode://${id}@${rest.replace('?discport=30303', '')}`)
  }
  assert.ok(isEnode(`ENODE://${id}@1.2.3.4:1`))
  assert.equal(parseEnode(`ENODE://${id.toUpperCase()}@1.2.3.4:1`).port, 1)
})

test('what is no enode URL is refused with a typed error', () => {
  for (const text of [
    '',
    'enode://',
    `enode://${id}`,
    `enode://${id}@`,
    `enode://${id}@127.0.0.1`,
    `enode://${id}@127.0.0.1:0`,
    `enode://${id}@127.0.0.1:65536`,
    `enode://${id}@127.0.0.256:1`,
    `enode://${id}@::1:30303`,
    `enode://${id}@[::1:30303`,
    `enode://${id}@[1.2.3.4]:30303`,
    `enode://${id}@127.0.0.1:1?discport=65536`,
    `enode://${id}@127.0.0.1:1?discport=x`,
    `enode://${id.slice(1)}@127.0.0.1:1`,
    `enode://${'0'.repeat(128)}@127.0.0.1:1`,
    `enode://${id.slice(0, -1)}${id.endsWith('0') ? '1' : '0'}@127.0.0.1:1`,
    `enr://${id}@127.0.0.1:1`,
    `http://${id}@127.0.0.1:1`
  ]) {
    assert.throws(() => parseEnode(text), EnodeError, text)
  }
})

test('a node id and a peer id name the same key, both ways', async () => {
  for (let i = 0; i < 8; i++) {
    const random = new NodeKey()
    const peer = peerIdFromPrivateKey(privateKeyFromRaw(random.privateKey))
    assert.equal(peerIdFromNodeId(random.id).toString(), peer.toString())
    assert.equal(toHex(nodeIdFromPeerId(peer)), toHex(random.id))
    assert.equal(random.peerId.toString(), peer.toString())
  }
  const secp = await generateKeyPair('secp256k1')
  assert.equal(NodeKey.fromPrivateKey(secp).peerId.toString(), peerIdFromPrivateKey(secp).toString())
})

test('a peer of another key type has no node id', async () => {
  const ed = await generateKeyPair('Ed25519')
  assert.throws(() => nodeIdFromPeerId(peerIdFromPrivateKey(ed)), EnodeError)
  assert.throws(() => NodeKey.fromPrivateKey(ed), TypeError)
  assert.throws(() => peerIdFromNodeId(new Uint8Array(63)), EnodeError)
  assert.throws(() => peerIdFromNodeId(new Uint8Array(64)), EnodeError)
})
