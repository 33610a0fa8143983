import assert from 'node:assert/strict'
import { test } from 'node:test'
import { DisconnectReason } from '../../src/devp2p/disconnect.js'
import type { Network } from '../../src/waku/packet-channel.js'
import { newEnvelope } from '../helpers/envelopes.js'
import { until } from '../helpers/waku-node.js'
import { KEY } from '../mailserver/request-maker.js'
import { bridgeNode } from './bridge-node.js'

const OLD = 1_600_000_000

test('trust belongs to the key: on either network, after a reconnect, until it is taken back [D-09 USE-02]', async t => {
  const server = await bridgeNode(t)
  const envelopes = Array.from({ length: 30 }, (_, i) => newEnvelope({ sent: OLD + i }))
  await server.archive.append(envelopes)
  const client = await bridgeNode(t)
  const peer = client.devp2p.addAddress(server.enode)
  assert.ok(peer.equals(server.peerId), 'one key, one name')
  await client.libp2p.dial(server.libp2p.getMultiaddrs())
  const fetch = async (network: Network, pageSize = 1000): Promise<number> => {
    let count = 0
    const query = { server: peer, network, from: OLD, requestKey: KEY, pageSize }
    for await (const page of client.mailclient.history(query)) {
      count += page.envelopes.length
      if (pageSize < 30 && page.cursor !== undefined) await client.mailclient.trust.remove(peer)
    }
    return count
  }
  await assert.rejects(fetch('devp2p'), { name: 'UntrustedServerError' })
  await client.mailclient.trust.add(peer)
  assert.equal(await fetch('devp2p'), 30)
  assert.equal(await fetch('libp2p'), 30)

  const [connection] = client.devp2p.connections
  await connection?.disconnect(DisconnectReason.Quitting)
  await until(() => server.devp2p.connections.length === 0)
  assert.equal(await fetch('devp2p'), 30, 'dialled again, and trusted still')

  for (const network of ['devp2p', 'libp2p'] as const) {
    await client.mailclient.trust.add(peer)
    await assert.rejects(fetch(network, 5), { name: 'TrustRevokedError' })
    await assert.rejects(fetch(network), { name: 'UntrustedServerError' })
  }
})
