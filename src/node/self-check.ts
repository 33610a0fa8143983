import { randomBytes } from 'node:crypto'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { anySignal } from '../base/any-signal.js'
import { equalBytes } from '../wire/bytes.js'
import type { Envelope } from '../wire/envelope/envelope.js'
import { keyFromPassword } from '../wire/envelope/key.js'
import { topicFromName } from '../wire/envelope/topic.js'
import { Cleanup } from './cleanup.js'
import { Daemon } from './daemon.js'
import { ClientPeer } from './peer/client-peer.js'
import { readConfig } from './settings/config.js'
import { parsePeerAddress } from './settings/peer-address.js'
import { readPasswordFile } from './settings/secret.js'
import { startShape } from './settings/start-config.js'

export interface SelfCheckResult {
  passed: boolean
  /** One line: what was done, or what failed. */
  text: string
}

const MESSAGES = 3
const TTL_SECONDS = 1
const DEADLINE_MS = 60_000
const CONNECT_TIMEOUT_MS = 15_000

/**
 * The main job, done once for real: a node on a scratch data dir, a second peer that posts over TCP, waits until what it posted
 * has expired, and fetches it. Nothing is left behind.
 */
export async function runSelfCheck(options: { signal: AbortSignal }): Promise<SelfCheckResult> {
  const cleanup = new Cleanup()
  const signal = anySignal([options.signal, AbortSignal.timeout(DEADLINE_MS)])
  try {
    const scratch = await mkdtemp(join(tmpdir(), 'waku-self-check-'))
    cleanup.after(scratch, path => rm(path, { recursive: true, force: true, maxRetries: 3 }))
    return await tell(scratch, cleanup, signal)
  } catch (err) {
    options.signal.throwIfAborted()
    return { passed: false, text: `failed: ${(err as Error).message}` }
  } finally {
    await cleanup.run()
  }
}

async function tell(scratch: string, cleanup: Cleanup, signal: AbortSignal): Promise<SelfCheckResult> {
  const alone = { 'no-devp2p': true, 'no-admin': true }
  const flags = { 'data-dir': join(scratch, 'server'), listen: ['/ip4/127.0.0.1/tcp/0'], ...alone }
  const daemon = cleanup.after(await Daemon.start(readConfig(startShape, { flags, env: {} })), node => node.stop())
  const server = parsePeerAddress(daemon.ready.multiaddrs[0] ?? '')
  const init = { dataDir: join(scratch, 'client'), trustOnly: server.peer }
  const client = cleanup.after(await ClientPeer.open(init), peer => peer.close())
  await client.connect(server, { signal, timeout: CONNECT_TIMEOUT_MS })

  const topic = topicFromName('self-check')
  const posted: Envelope[] = []
  for (let i = 0; i < MESSAGES; i++) {
    const message = { topic, payload: randomBytes(32), key: randomBytes(32), ttl: TTL_SECONDS, to: server.peer }
    const { envelope, confirmed } = await client.waku.post(message, { signal })
    if (confirmed.length > 0) posted.push(envelope)
  }
  const archived = (await daemon.node.services.mailserver.stats()).envelopes
  const expiry = Math.max(...posted.map(envelope => envelope.expiry))
  await past(expiry, signal)

  const key = await keyFromPassword(await readPasswordFile(daemon.dir.password))
  const from = Math.min(...posted.map(envelope => envelope.sent))
  let delivered = 0
  let complete = false
  for await (const page of client.mailclient.history({
    server: server.peer,
    from,
    topics: [topic],
    requestKey: key,
    signal
  })) {
    delivered += page.envelopes.filter(one => posted.some(other => equalBytes(one.raw, other.raw))).length
    complete = page.cursor === undefined
  }
  const passed = [posted.length, archived, delivered].every(count => count === MESSAGES) && complete
  const text =
    `posted ${posted.length}, archived ${archived}, delivered ${delivered} after their TTL, ` +
    `completion ${complete ? 'ok' : 'missing'}`
  return { passed, text }
}

/** Until the clock says that an expiry (Unix seconds) is over. */
async function past(expiry: number, signal: AbortSignal): Promise<void> {
  for (let left = expiry * 1000 + 1 - Date.now(); left > 0; left = expiry * 1000 + 1 - Date.now()) {
    await sleep(left, undefined, { signal })
  }
}
