import '../../../src/base/polyfill.js'
import { fork } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, readdirSync, rmSync, statSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { ByteAllowance } from '../../../src/bridge/byte-allowance.js'
import { Upstream } from '../../../src/bridge/upstream.js'
import { wakuNodeOf } from '../../../src/libp2p/waku-service.js'
import type { Limits } from '../../../src/limits/limits.js'
import { Newcomers } from '../../../src/limits/newcomers.js'
import { Admission } from '../../../src/mailserver/admission.js'
import { ControlClient } from '../../../src/node/control/control-client.js'
import { Daemon } from '../../../src/node/daemon.js'
import { readConfig } from '../../../src/node/settings/config.js'
import { startShape } from '../../../src/node/settings/start-config.js'
import { RecentHashes } from '../../../src/waku/recent-hashes.js'
import { Prng } from '../../../test/archive/prng.js'
import { Traffic } from '../../../test/archive/traffic.js'
import { newEnvelope } from '../../../test/helpers/envelopes.js'
import { KEY } from '../../../test/mailserver/request-maker.js'
import type { Holdings } from './attacks.js'
import { Pulse } from './pulse.js'
import { watch } from './watched.js'

/** What a node forwards for one peer by default. */
const PEER_BYTES = 256 * 1024 * 1024

// The node that is attacked, the daemon as it is by default, in a process of its own: `server.js <holdings> <on | off>`, over IPC.

const [json = '{}', defence = 'on'] = process.argv.slice(2)
const { pool = 0, archive = 0, keys = 2, upstream = 0, payload = 450, allowance }: Holdings = JSON.parse(json)
const behind = upstream === 0 ? undefined : await startBehind(upstream, payload)
const dir = mkdtempSync(join(tmpdir(), 'hostile-'))
const flags = {
  'data-dir': join(dir, 'data'),
  listen: ['/ip4/127.0.0.1/tcp/0'],
  'devp2p-listen': '127.0.0.1:0',
  'no-admin': true,
  retention: 'forever',
  ...(behind !== undefined && { upstream: [behind], 'forward-for': ['any'] })
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
  // what LevelDB keeps of it in its cache is no memory of an attack's
  for await (const _ of mailserver.archive.query({ lower: 0, upper: 0xffffffff, limit: Number.POSITIVE_INFINITY }));
}
for (let i = 0; i < pool; i++) await waku.post({ envelope: newEnvelope({ ttl: 3600 }) })
if (allowance !== undefined) allow(allowance)
const { limits } = wakuNodeOf(waku)
if (defence === 'off') disarm(limits)
const watched = watch(limits)

/** Resolves with its address. */
async function startBehind(envelopes: number, payload: number): Promise<string> {
  const child = fork(fileURLToPath(new URL('./behind.js', import.meta.url)), [String(envelopes), String(payload)])
  const [address] = await once(child, 'message')
  return address
}

/** What was forwarded; under names of its own. */
async function relayCounts(): Promise<Record<string, number>> {
  const control = await ControlClient.find(daemon.dir)
  try {
    const stats = await control?.ask('stats', {}, { signal: AbortSignal.timeout(5000) })
    const { upstreamRelay = {} } = stats as { upstreamRelay?: Record<string, number> }
    return Object.fromEntries(Object.entries(upstreamRelay).map(([name, count]) => [`relay_${name}`, count]))
  } finally {
    control?.close()
  }
}

function disarm(limits: Limits): void {
  ByteAllowance.prototype.left = () => Number.POSITIVE_INFINITY
  ByteAllowance.prototype.spend = () => true
  // an address may have all places for requests
  const { enter } = Admission.prototype
  Admission.prototype.enter = function (origin) {
    return enter.call(this, { ...origin, address: String(Math.random()) })
  }
  const { throttle, memory } = limits
  throttle.reserve = () => 0
  throttle.ofPeer = () => 0
  throttle.ofAddress = () => 0
  throttle.noisy = () => false
  limits.oldWait = () => 0
  for (const queue of [Newcomers.of(limits).handshakes, limits.reading, limits.packets, limits.others, limits.pool])
    queue.run = async (_origin, work) => await work()
  memory.hold = (holder, bytes) => {
    holder.bytes = bytes
  }
  memory.take = (reservation, bytes) => {
    reservation.bytes += bytes
    return true
  }
  memory.giveBack = reservation => {
    reservation.bytes = 0
  }
  // who does not take its answer keeps the mailserver behind the node from all others
  const { turn } = Upstream.prototype
  Upstream.prototype.turn = async function (requester, signal) {
    const { end } = await turn.call(this, requester, signal)
    return { end, isAwaited: false }
  }
  // whoever sends a handshake again is answered again
  RecentHashes.prototype.has = () => false
}

/** So much is forwarded for a peer, as if each byte were many. */
function allow(bytes: number): void {
  const { spend } = ByteAllowance.prototype
  const each = PEER_BYTES / bytes
  ByteAllowance.prototype.spend = function (origin, used) {
    return spend.call(this, origin, used * each)
  }
}

function bytesIn(folder: string): number {
  return readdirSync(folder, { recursive: true, encoding: 'utf8' }).reduce((sum, name) => {
    const file = statSync(join(folder, name), { throwIfNoEntry: false })
    return sum + (file?.isFile() === true ? file.size : 0)
  }, 0)
}

const pulse = new Pulse()
let most = process.memoryUsage()
setInterval(() => {
  const memory = process.memoryUsage()
  if (memory.rss > most.rss) most = memory
}, 50).unref()

process.on('message', async what => {
  const counts: Record<string, number> = {}
  const relayed = behind === undefined ? {} : await relayCounts()
  // some have the same name on both
  for (const part of [waku.counts, mailserver.counts, relayed, watched])
    for (const [name, count] of Object.entries(part)) counts[name] = (counts[name] ?? 0) + count
  process.send?.({ stall: what === 'peek' ? undefined : pulse.take(), memory: most, disk: bytesIn(dir), counts })
  if (what !== 'peek') most = process.memoryUsage()
})
process.on('exit', () => rmSync(dir, { recursive: true, force: true }))
process.on('disconnect', () => process.exit())
const { multiaddrs, enode } = daemon.ready
process.send?.({ libp2p: multiaddrs[0], enode })
