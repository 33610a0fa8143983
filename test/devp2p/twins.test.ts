import assert from 'node:assert/strict'
import { mock, test } from 'node:test'
import { DisconnectError, DisconnectReason } from '../../src/devp2p/disconnect.js'
import { NodeKey } from '../../src/devp2p/node-key.js'
import { Rebuffs } from '../../src/devp2p/rebuffs.js'
import { EMPTY_LIST } from '../../src/wire/rlp.js'
import { until } from '../helpers/waku-node.js'
import { startHost } from './hosts.js'
import { legacyNode } from './legacy-node.js'
import { RawPeer } from './raw-peer.js'

const PING = 2

test('a peer that lives twice is told from one whose last connection is not known to be dead', async t => {
  const told: string[] = []
  const target = await startHost(t, { onTwin: peer => told.push(peer.toString()) })
  const key = new NodeKey()
  const first = await RawPeer.greet(target, {}, key)
  const connection = await target.connection()
  const refused = async (): Promise<void> => {
    const again = await RawPeer.greet(target, {}, key)
    assert.equal(await again.reason({ compressed: true }), DisconnectReason.AlreadyConnected)
  }
  for (let i = 0; i < 4; i++) await refused()
  assert.deepEqual(told, [], 'the first one is silent: it may be dead')
  const heard = connection.heard
  first.sendCompressed(PING, EMPTY_LIST)
  await until(() => connection.heard > heard)
  await refused()
  assert.deepEqual(told, [key.peerId.toString()])
})

test('a peer that says for a minute that it is connected with us already is connected with another', () => {
  mock.timers.enable({ apis: ['Date'] })
  try {
    const rebuffs = new Rebuffs()
    const already = new DisconnectError(DisconnectReason.AlreadyConnected, 'remote')
    for (const pause of [0, 1, 2, 4, 8, 16]) {
      mock.timers.tick(pause * 1000)
      assert.equal(rebuffs.note('peer', already), false, 'it may not know yet that we were gone')
    }
    mock.timers.tick(30_000)
    assert.equal(rebuffs.note('peer', already), true)
    assert.equal(rebuffs.note('peer', new DisconnectError(DisconnectReason.Quitting, 'remote')), false)
    assert.equal(rebuffs.note('peer', already), false, 'from the beginning')
    assert.equal(rebuffs.note('other', new DisconnectError(DisconnectReason.AlreadyConnected, 'local')), false)
  } finally {
    mock.timers.reset()
  }
})

test('a node whose twin is connected where it dials is told so', { timeout: 60_000 }, async t => {
  const told: string[] = []
  const server = await legacyNode(t)
  const key = new NodeKey()
  const other = await legacyNode(t, { key })
  await other.waku.connect(other.devp2p.addAddress(server.enode))
  const twin = await legacyNode(t, { key, waku: { onTwin: whose => told.push(whose) } })
  const peer = twin.devp2p.addAddress(server.enode)
  const now = Date.now()
  const clock = mock.method(Date, 'now', () => now)
  t.after(() => clock.mock.restore())
  for (const minutes of [0, 1, 2]) {
    assert.deepEqual(told, [])
    clock.mock.mockImplementation(() => now + minutes * 60_000)
    await assert.rejects(twin.waku.connect(peer), { name: 'DisconnectError' })
    await until(() => twin.devp2p.connections.length === 0)
  }
  await until(() => told.length > 0)
  assert.deepEqual(told, ['own'])
})
