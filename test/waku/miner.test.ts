import assert from 'node:assert/strict'
import { test } from 'node:test'
import { Miner } from '../../src/waku/miner.js'
import { powOf } from '../../src/wire/envelope/pow.js'
import { silentLogger } from '../helpers/logger.js'

const fields = { expiry: 1_700_000_050, ttl: 50, topic: new Uint8Array(4), data: new Uint8Array(300).fill(1) }

test('meets the target in a worker thread, without holding up the event loop', async t => {
  const miner = new Miner(silentLogger().forComponent('test'))
  t.after(() => miner.stop())
  let longest = 0
  let last = Date.now()
  const pulse = setInterval(() => {
    longest = Math.max(longest, Date.now() - last)
    last = Date.now()
  }, 5)
  const sealed = await Promise.all([0.5, 2, 0].map(target => miner.mine(fields, target)))
  clearInterval(pulse)
  assert.ok(powOf(sealed[0] as never) >= 0.5)
  assert.ok(powOf(sealed[1] as never) >= 2)
  assert.equal(sealed[2]?.nonce, 0n)
  assert.ok(longest < 250, `${longest} ms without a turn`)
})

test('meets the target in time slices where there are no worker threads', async t => {
  const { getBuiltinModule } = process
  t.after(() => {
    process.getBuiltinModule = getBuiltinModule
  })
  process.getBuiltinModule = (() => undefined) as never
  const miner = new Miner(silentLogger().forComponent('test'))
  t.after(() => miner.stop())
  assert.ok(powOf(await miner.mine(fields, 0.2)) >= 0.2)
})

test('can be aborted and stopped, and works on after an abort', async () => {
  const miner = new Miner(silentLogger().forComponent('test'))
  const controller = new AbortController()
  const hopeless = miner.mine(fields, 1_000_000, { signal: controller.signal })
  setTimeout(() => controller.abort(new Error('enough')), 50)
  await assert.rejects(hopeless, { message: 'enough' })
  assert.ok(powOf(await miner.mine(fields, 0.5)) >= 0.5)
  const stopped = miner.mine(fields, 1_000_000)
  setTimeout(() => miner.stop(), 50)
  await assert.rejects(stopped, { name: 'WakuStoppedError' })
  miner.start()
  assert.ok(powOf(await miner.mine(fields, 0.5)) >= 0.5)
  miner.stop()
})

test('a target out of reach is a clear error', async () => {
  const miner = new Miner(silentLogger().forComponent('test'))
  await assert.rejects(miner.mine(fields, 1e12), { name: 'MiningTargetError' })
  await assert.rejects(miner.mine(fields, Number.MAX_VALUE), { name: 'MiningTargetError' })
})
