import { setTimeout as delay } from 'node:timers/promises'
import * as FIGURES from '../limits/figures.js'
import { toHex } from '../wire/bytes.js'
import { type Enode, parseEnode } from './enode.js'
import type { RlpxConnection } from './rlpx-connection.js'

export interface StaticPeersInit {
  dial(enode: Enode, options: { signal: AbortSignal }): Promise<RlpxConnection>
  /** Milliseconds before the first attempt after a failure; doubled with each further one. @default 1000 */
  minBackoff?: number | undefined
  /** @default 60000 */
  maxBackoff?: number | undefined
  /** A connection that lasted this long, in milliseconds, makes the back-off start anew. @default 30000 */
  steady?: number | undefined
}

/** Peers that we stay connected with: dialled, dialled again when the connection ends, and with patience when it fails. */
export class StaticPeers {
  readonly #dial: StaticPeersInit['dial']
  readonly #minBackoff: number
  readonly #maxBackoff: number
  readonly #steady: number
  readonly #peers = new Map<string, { stop: AbortController; done: Promise<void> }>()

  constructor(init: StaticPeersInit) {
    this.#dial = init.dial
    this.#minBackoff = init.minBackoff ?? FIGURES.redial.first
    this.#maxBackoff = init.maxBackoff ?? FIGURES.redial.longest
    this.#steady = init.steady ?? FIGURES.redial.steady
  }

  /** @throws EnodeError */
  add(target: Enode | string): void {
    const enode = typeof target === 'string' ? parseEnode(target) : target
    const name = toHex(enode.id)
    if (this.#peers.has(name)) return
    const stop = new AbortController()
    this.#peers.set(name, { stop, done: this.#keep(enode, stop.signal) })
  }

  /** Dials it no more; a connection there is stays. */
  remove(id: Uint8Array): boolean {
    const name = toHex(id)
    this.#peers.get(name)?.stop.abort()
    return this.#peers.delete(name)
  }

  async stop(): Promise<void> {
    const peers = [...this.#peers.values()]
    this.#peers.clear()
    for (const { stop } of peers) stop.abort()
    await Promise.all(peers.map(({ done }) => done))
  }

  async #keep(enode: Enode, signal: AbortSignal): Promise<void> {
    let backoff = this.#minBackoff
    while (!signal.aborted) {
      try {
        const connection = await this.#dial(enode, { signal })
        await endOf(connection, signal)
        if (Date.now() - connection.opened >= this.#steady) backoff = this.#minBackoff
      } catch {
        // Nobody waits for this peer: the next attempt is the answer to any failure.
      }
      // Spread, so that two peers which keep refusing each other's connection for their own do not stay in step.
      await delay(backoff * (0.5 + Math.random()), undefined, { signal, ref: false }).catch(() => {})
      backoff = Math.min(this.#maxBackoff, backoff * 2)
    }
  }
}

async function endOf(connection: RlpxConnection, signal: AbortSignal): Promise<void> {
  let stop: (() => void) | undefined
  await Promise.race([
    connection.closed,
    new Promise<void>(resolve => {
      stop = () => resolve()
      signal.addEventListener('abort', stop)
    })
  ])
  if (stop !== undefined) signal.removeEventListener('abort', stop)
}
