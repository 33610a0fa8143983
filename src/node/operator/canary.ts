import { randomBytes } from 'node:crypto'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import type { CanaryResult } from '../../admin/canary-record.js'
import { anySignal } from '../../base/any-signal.js'
import { equalBytes } from '../../wire/bytes.js'
import type { Envelope } from '../../wire/envelope/envelope.js'
import { Cleanup } from '../cleanup.js'
import { ClientPeer } from '../peer/client-peer.js'
import type { PeerAddress } from '../settings/peer-address.js'

/** A mailserver that is asked, and what opens requests there. */
export interface CanaryServer {
  address: PeerAddress
  requestKey: Uint8Array
  /** Proof of work that it asks of requests. */
  requestPow?: number | undefined
}

export interface CanaryInit {
  /** The node that the envelope is posted to. */
  server: CanaryServer
  /** Where it is fetched, when that is another one. */
  through?: CanaryServer | undefined
  /** One that is archived. */
  topic: Uint8Array
  signal: AbortSignal
}

const TTL_SECONDS = 2
const DEADLINE_MS = 60_000
const CONNECT_TIMEOUT_MS = 15_000
/** How long another mailserver is given to hear of it and to store it. */
const ARRIVAL_MS = 15_000
const AGAIN_MS = 500

/** Why the canary did not come back. */
class CanaryError extends Error {
  static override readonly name = 'CanaryError'
}

/**
 * The main job, done once for real: posts an envelope of its own over a real connection, lets its time to live pass, and
 * fetches it over a second one. Nothing of it is left but the envelope, which goes with retention.
 */
export async function runCanary(init: CanaryInit): Promise<CanaryResult> {
  const cleanup = new Cleanup()
  const signal = anySignal([init.signal, AbortSignal.timeout(DEADLINE_MS)])
  const result = (passed: boolean, reason: string, seconds?: number): CanaryResult => ({
    passed,
    at: Math.floor(Date.now() / 1000),
    reason,
    seconds
  })
  try {
    const folder = await mkdtemp(join(tmpdir(), 'waku-canary-'))
    cleanup.after(folder, path => rm(path, { recursive: true, force: true, maxRetries: 3 }))
    const began = performance.now()
    const envelope = await post(init, join(folder, 'poster'), signal)
    const posted = performance.now()
    await past(envelope.expiry, signal)
    const waited = performance.now()
    await fetch(init, envelope, join(folder, 'reader'), signal)
    const seconds = (performance.now() - waited + posted - began) / 1000
    const where = init.through === undefined ? '' : ' through the other mailserver'
    return result(true, `posted, expired and fetched${where} in ${seconds.toFixed(1)} s`, seconds)
  } catch (err) {
    init.signal.throwIfAborted()
    return result(false, signal.aborted ? `not back after ${DEADLINE_MS / 1000} s` : (err as Error).message)
  } finally {
    await cleanup.run().catch(() => {}) // it is the system's temporary directory
  }
}

async function post({ server, topic }: CanaryInit, dataDir: string, signal: AbortSignal): Promise<Envelope> {
  const client = await ClientPeer.open({ dataDir, trustOnly: server.address.peer })
  try {
    await connected(client.connect(server.address, { signal, timeout: CONNECT_TIMEOUT_MS }), 'the node')
    const message = { topic, payload: randomBytes(32), key: randomBytes(32), ttl: TTL_SECONDS }
    const { envelope, confirmed, refused } = await client.waku.post({ ...message, to: server.address.peer }, { signal })
    if (confirmed.length > 0) return envelope
    throw new CanaryError(
      refused.length > 0 ? 'the node refused the envelope' : 'the node did not confirm the envelope'
    )
  } finally {
    await client.close()
  }
}

async function fetch(
  { server, through = server, topic }: CanaryInit,
  { raw, sent }: Envelope,
  dataDir: string,
  signal: AbortSignal
): Promise<void> {
  const { address, requestKey, requestPow } = through
  const client = await ClientPeer.open({ dataDir, trustOnly: address.peer })
  const found = async (): Promise<boolean> => {
    const query = { server: address.peer, network: address.network, from: sent, topics: [topic], requestKey, signal }
    const signed = { signWith: client.privateKey.raw, ...(requestPow === undefined ? {} : { pow: requestPow }) }
    for await (const { envelopes } of client.mailclient.history({ ...query, ...signed })) {
      if (envelopes.some(one => equalBytes(one.raw, raw))) return true
    }
    return false
  }
  try {
    const who = through === server ? 'the node' : 'the other mailserver'
    await connected(client.dial(address, { signal, timeout: CONNECT_TIMEOUT_MS }), who)
    const deadline = performance.now() + (through === server ? 0 : ARRIVAL_MS)
    while (!(await found())) {
      if (performance.now() > deadline) throw new CanaryError(`${who} does not have the envelope`)
      await sleep(AGAIN_MS, undefined, { signal })
    }
  } finally {
    await client.close()
  }
}

/** Without the address, which the reason of a failed dial names. */
async function connected(dialling: Promise<void>, who: string): Promise<void> {
  await dialling.catch(cause => {
    throw new CanaryError(`${who} cannot be reached`, { cause })
  })
}

/** Until the clock says that an expiry (Unix seconds) is over. */
async function past(expiry: number, signal: AbortSignal): Promise<void> {
  for (let left = expiry * 1000 + 1 - Date.now(); left > 0; left = expiry * 1000 + 1 - Date.now()) {
    await sleep(left, undefined, { signal })
  }
}
