import assert from 'node:assert/strict'
import { randomBytes } from 'node:crypto'
import { once } from 'node:events'
import { join } from 'node:path'
import { type TestContext, test } from 'node:test'
import { Daemon } from '../../src/node/daemon.js'
import { readConfig } from '../../src/node/settings/config.js'
import { startShape } from '../../src/node/settings/start-config.js'
import { topicFromName } from '../../src/wire/envelope/topic.js'
import { tempDir } from './temp-dir.js'

async function daemon(t: TestContext, dir: string, flags: Record<string, unknown> = {}): Promise<Daemon> {
  const all = { 'data-dir': dir, listen: ['/ip4/127.0.0.1/tcp/0'], ...flags }
  const started = await Daemon.start(readConfig(startShape, { flags: all, env: {} }))
  t.after(() => started.stop())
  return started
}

/** Resolves when what one node posts is heard by the other, which may meet it only later. */
async function heard(from: Daemon, by: Daemon): Promise<void> {
  const topic = topicFromName(randomBytes(8).toString('hex'))
  const arrived = Promise.withResolvers<void>()
  const stop = by.node.services.waku.subscribe({ topics: [topic] }, () => arrived.resolve())
  const timer = setTimeout(() => arrived.reject(new Error('nothing was heard')), 30_000)
  try {
    await from.node.services.waku.post({ topic, payload: randomBytes(8) })
    await arrived.promise
  } finally {
    clearTimeout(timer)
    stop()
  }
}

test('a node stays connected with the peers it was given, also when they come late or come back [WAKU-02]', async t => {
  const dir = tempDir(t)
  const first = await daemon(t, join(dir, 'a'))
  const [address = ''] = first.ready.multiaddrs
  const listen = [address.replace(/\/p2p\/.*$/, '')]
  await first.stop()

  const dialler = await daemon(t, join(dir, 'b'), { peer: [address] })
  assert.deepEqual(dialler.node.services.waku.peers(), [], 'nobody is there yet')
  const late = await daemon(t, join(dir, 'a'), { listen })
  await heard(late, dialler)

  const left = once(dialler.node as never, 'peer:disconnect')
  await late.stop()
  await left
  const back = await daemon(t, join(dir, 'a'), { listen })
  await heard(back, dialler)
})
