import assert from 'node:assert/strict'
import { test } from 'node:test'
import { uint32 } from '../../src/archive/level/level-bytes.js'
import { lanesOf } from '../../src/mailbox/lane.js'
import type { Server } from '../../src/mailbox/server.js'

test('whatever the dice say, no server is asked for more than its part of the topics, and each topic of so many servers', async () => {
  for (const [count, among] of [
    [6, 3],
    [7, 4],
    [5, 5],
    [2, 3],
    [31, 3]
  ] as const) {
    const servers = Array.from({ length: among }, (_, i) => ({ id: `server ${i}` }) as Server)
    const wanted = new Map(Array.from({ length: count }, (_, i) => [i, uint32(i)]))
    for (const verified of [true, false]) {
      for (let roll = 0; roll < 500; roll++) {
        const seed = async () => uint32(roll)
        const lanes = await lanesOf({ wanted, servers, split: 'stay', verified, seed, cover: async () => [] })
        const eyes = verified ? 2 : 1
        const most = Math.ceil((count * eyes) / among)
        for (const server of servers) {
          const known = lanes
            .filter(lane => lane.servers.includes(server))
            .reduce((sum, lane) => sum + lane.wanted.size, 0)
          assert.ok(
            known <= most,
            `${count} topics, ${among} servers: one knows ${known} of at most ${most}, roll ${roll}`
          )
        }
        assert.equal(
          lanes.reduce((sum, lane) => sum + lane.wanted.size, 0),
          count
        )
        assert.ok(lanes.every(lane => new Set(lane.servers).size === eyes))
      }
    }
  }
})
