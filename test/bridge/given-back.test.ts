import assert from 'node:assert/strict'
import { randomBytes } from 'node:crypto'
import { test } from 'node:test'
import { Intake } from '../../src/waku/intake.js'
import { toHex } from '../../src/wire/bytes.js'
import { encodeMessages } from '../../src/wire/packet/messages.js'
import { PacketCode } from '../../src/wire/packet/packet-code.js'
import { encodeList, encodeUint } from '../../src/wire/rlp.js'
import { newEnvelope } from '../helpers/envelopes.js'
import { networkPeer } from '../helpers/network-peer.js'
import { bridgeNode } from './bridge-node.js'

const garbage = encodeMessages(Array.from({ length: 900 }, (_, i) => encodeList([encodeUint(i), new Uint8Array(100)])))

for (const network of ['libp2p', 'devp2p'] as const)
  test(`what a large packet took is free once it was judged, and what was accepted of it is whole: ${network}`, async t => {
    const judged: Uint8Array[] = []
    const { take } = Intake.prototype
    t.after(() => {
      Intake.prototype.take = take
    })
    Intake.prototype.take = function (body, from, digests) {
      judged.push(body)
      return take.call(this, body, from, digests)
    }
    const node = await bridgeNode(t)
    const peer = await networkPeer(t, node, { network })
    const envelopes = Array.from({ length: 8 }, () => newEnvelope({ data: randomBytes(100_000) }))
    for (const body of [encodeMessages(envelopes.map(({ raw }) => raw)), garbage]) {
      await peer.send(PacketCode.Messages, body)
      await peer.find(PacketCode.BatchAck)
    }
    const small = newEnvelope()
    assert.deepEqual(await peer.confirm(small), [])
    assert.deepEqual(
      judged.map(({ length }) => length > 0),
      [false, false, true]
    )
    const stored: string[] = []
    const everything = { lower: 0, upper: 0xffff_ffff, limit: 100 }
    for await (const rows of node.archive.query(everything)) stored.push(...rows.map(({ raw }) => toHex(raw)))
    assert.deepEqual(stored.sort(), [...envelopes, small].map(({ raw }) => toHex(raw)).sort())
  })
