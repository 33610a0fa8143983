import '../../../src/base/polyfill.js'
import { mkdtempSync, readdirSync, rmSync, statSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { monitorEventLoopDelay } from 'node:perf_hooks'
import type { Limits } from '../../../src/limits/limits.js'
import { Daemon } from '../../../src/node/daemon.js'
import { readConfig } from '../../../src/node/settings/config.js'
import { startShape } from '../../../src/node/settings/start-config.js'
import { Prng } from '../../../test/archive/prng.js'
import { Traffic } from '../../../test/archive/traffic.js'
import { newEnvelope } from '../../../test/helpers/envelopes.js'
import { KEY } from '../../../test/mailserver/request-maker.js'
import type { Holdings } from './attacks.js'

// The node that is attacked, the daemon as it is by default, in a process of its own: `server.js <holdings> <on | off>`, over IPC.

const [json = '{}', defence = 'on'] = process.argv.slice(2)
const { pool = 0, archive = 0, keys = 2 }: Holdings = JSON.parse(json)
const dir = mkdtempSync(join(tmpdir(), 'hostile-'))
const flags = {
  'data-dir': join(dir, 'data'),
  listen: ['/ip4/127.0.0.1/tcp/0'],
  'devp2p-listen': '127.0.0.1:0',
  'no-admin': true,
  retention: 'forever'
}
const daemon = await Daemon.start(readConfig(startShape, { flags, env: {} }))
const { waku, mailserver } = daemon.node.services
const { keyring } = mailserver
await keyring.add('main', KEY)
while (keyring.list().length < keys)
  await keyring.add(`key-${keyring.list().length}`, crypto.getRandomValues(new Uint8Array(32)))
if (archive > 0) {
  const traffic = new Traffic(new Prng(1), { count: archive, days: 30 })
  for (const batch of traffic.batches(1000)) await mailserver.archive.append(batch)
}
for (let i = 0; i < pool; i++) await waku.post({ envelope: newEnvelope({ ttl: 3600 }) })
if (defence === 'off') disarm(waku.limits)

function disarm(limits: Limits): void {
  const { throttle, memory } = limits
  throttle.reserve = () => 0
  throttle.ofAddress = () => 0
  throttle.noisy = () => false
  limits.oldWait = () => 0
  for (const queue of [limits.handshakes, limits.reading, limits.packets, limits.others, limits.pool])
    queue.run = async (_origin, work) => await work()
  memory.hold = () => {}
  memory.take = () => true
}

function bytesIn(folder: string): number {
  return readdirSync(folder, { recursive: true, encoding: 'utf8' }).reduce((sum, name) => {
    const file = statSync(join(folder, name), { throwIfNoEntry: false })
    return sum + (file?.isFile() === true ? file.size : 0)
  }, 0)
}

const delays = monitorEventLoopDelay({ resolution: 1 })
delays.enable()
let most = 0
setInterval(() => {
  most = Math.max(most, process.memoryUsage().rss)
}, 50).unref()

process.on('message', () => {
  const counts: Record<string, number> = {}
  // some have the same name on both
  for (const part of [waku.counters.snapshot(), mailserver.counts, waku.limits.counts.snapshot()])
    for (const [name, count] of Object.entries(part)) counts[name] = (counts[name] ?? 0) + count
  process.send?.({ stall: delays.max / 1e6, rss: most, disk: bytesIn(dir), counts })
  delays.reset()
  most = 0
})
process.on('exit', () => rmSync(dir, { recursive: true, force: true }))
process.on('disconnect', () => process.exit())
const { multiaddrs, enode } = daemon.ready
process.send?.({ libp2p: multiaddrs[0], enode })
