import '../../src/base/polyfill.js'
import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Connection } from '@libp2p/interface'
import { streamPair } from '@libp2p/utils'
import { multiaddr } from '@multiformats/multiaddr'
import { peerIdFromNodeId } from '../../src/devp2p/enode.js'
import { NodeKey } from '../../src/devp2p/node-key.js'
import { StreamPacketChannel } from '../../src/libp2p/packet-channel.js'
import { Limits } from '../../src/limits/limits.js'
import { equalBytes } from '../../src/wire/bytes.js'
import { PacketCode } from '../../src/wire/packet/packet-code.js'
import { encodeFrame } from '../../src/wire/packet/packet-frame.js'
import { encodeString } from '../../src/wire/rlp.js'

test('what is given back of a packet takes nothing of the next with it, though both came in one piece', async () => {
  const [near, far] = await streamPair()
  const remotePeer = peerIdFromNodeId(new NodeKey().id)
  const connection = { remotePeer, remoteAddr: multiaddr('/ip4/127.0.0.1/tcp/1') } as Connection
  const channel = new StreamPacketChannel(far, { connection, limits: new Limits() })
  const bodies = [20_000, 100, 80_000, 100].map((size, i) => encodeString(new Uint8Array(size).fill(i + 1)))
  const frames = bodies.map(body => encodeFrame(PacketCode.Messages, body))
  const wire = Buffer.concat(frames)
  const packets = channel.packets[Symbol.asyncIterator]()
  let from = 0
  let end = 0
  for (const [i, { length }] of frames.entries()) {
    end += length
    // a piece has memory of its own, and a few bytes of what comes next
    const piece = new Uint8Array(wire.subarray(from, end + 30))
    from += piece.length
    near.send(piece)
    const { value } = await packets.next()
    assert.ok(equalBytes(value?.body ?? new Uint8Array(0), bodies[i] as Uint8Array), `packet ${i}`)
    channel.lend(value)
    channel.giveBack(value)
  }
  channel.abort(new Error('the test is over'))
})
