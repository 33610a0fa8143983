import assert from 'node:assert/strict'
import { test } from 'node:test'
import { shareCapabilities, splitMessage } from '../../src/devp2p/capability.js'
import { fromHex, toHex } from '../../src/wire/bytes.js'
import { MalformedError } from '../../src/wire/errors.js'
import { encodeUint } from '../../src/wire/rlp.js'
import { SHH_6, WAKU_0, WAKU_1 } from './hosts.js'

const ETH_63 = { name: 'eth', version: 63, length: 17 }
const ETH_62 = { name: 'eth', version: 62, length: 8 }

test('message ids are given out in the order of names, to the highest shared version of each [P2P-06] [WAKU-58]', () => {
  const all = [WAKU_0, WAKU_1, SHH_6]
  for (const [ours, theirs, expected] of [
    [[WAKU_1], [WAKU_1], ['waku/1 10-8f']],
    [all, all, ['shh/6 10-8f', 'waku/1 90-10f']],
    [all, [WAKU_1, SHH_6], ['shh/6 10-8f', 'waku/1 90-10f']],
    [all, [WAKU_0], ['waku/0 10-8f']],
    [all, [{ name: 'waku', version: 2 }, WAKU_0, SHH_6], ['shh/6 10-8f', 'waku/0 90-10f']],
    [
      [ETH_62, SHH_6, ETH_63],
      [ETH_62, ETH_63, SHH_6],
      ['eth/63 10-20', 'shh/6 21-a0']
    ],
    [all, [ETH_63, { name: 'Waku', version: 1 }], []],
    [all, [], []]
  ] as const) {
    const shared = shareCapabilities(ours, theirs).map(
      ({ name, version, offset, length }) =>
        `${name}/${version} ${offset.toString(16)}-${(offset + length - 1).toString(16)}`
    )
    assert.deepEqual(shared, expected)
  }
})

test('a message id is an RLP integer of one to three bytes [P2P-06]', () => {
  for (const [id, hex] of [
    [0, '80'],
    [1, '01'],
    [0x10, '10'],
    [0x7f, '7f'],
    [0x8e, '818e'],
    [0x10f, '82010f'],
    [0xffff, '82ffff']
  ] as const) {
    assert.equal(toHex(encodeUint(id)), hex)
    assert.deepEqual(splitMessage(fromHex(`${hex}c0`)), { id, payload: Uint8Array.of(0xc0) })
    assert.deepEqual(splitMessage(fromHex(hex)), { id, payload: new Uint8Array(0) })
  }
  for (const hex of ['00c0', '8101', '820001', '83010000', 'c0', 'c101', 'ff', '88', 'b8', '81']) {
    assert.throws(() => splitMessage(fromHex(hex)), MalformedError, hex)
  }
})
