import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { MultiaddrConnection } from '@libp2p/interface'
import { multiaddr } from '@multiformats/multiaddr'
import { slowForNoisy } from '../../src/node/peer/noisy-gate.js'

test('an address whose peers send garbage gets new connections slowly, others as before', () => {
  let now = 5000
  let asked = 0
  const inner = { denyInboundConnection: () => ++asked > 1000 }
  let slowed = 0
  const gater = slowForNoisy(inner, address => address === '10.0.0.1', {
    onSlowed: () => void slowed++,
    now: () => now
  })
  const entered = (address: string): number =>
    Array.from({ length: 10 }, () => {
      const connection = { remoteAddr: multiaddr(`/ip4/${address}/tcp/1`) } as MultiaddrConnection
      return gater.denyInboundConnection?.(connection)
    }).filter(denied => denied === false).length
  assert.deepEqual([entered('10.0.0.1'), entered('10.0.0.2')], [2, 10])
  assert.equal(slowed, 8)
  now += 1000
  assert.equal(entered('10.0.0.1'), 2)
  assert.equal(asked, 14, 'who is let in is asked about as before')
})
