import { type Persistence, persist } from '../base/persist.js'
import * as FIGURES from '../limits/figures.js'
import { toHex } from '../wire/bytes.js'
import { type Enode, parseEnode } from './enode.js'
import type { RlpxConnection } from './rlpx-connection.js'

export interface StaticPeersInit {
  dial(enode: Enode, options: { signal: AbortSignal }): Promise<RlpxConnection>
  /** @default 1 s to a minute, anew after a connection of 30 s */
  pauses?: Persistence | undefined
}

/** Peers that we stay connected with: dialled, dialled again when the connection ends, and with patience when it fails. */
export class StaticPeers {
  readonly #dial: StaticPeersInit['dial']
  readonly #pauses: Persistence
  readonly #peers = new Map<string, { stop: AbortController; done: Promise<void> }>()

  constructor(init: StaticPeersInit) {
    this.#dial = init.dial
    this.#pauses = init.pauses ?? FIGURES.redial
  }

  /** @throws EnodeError */
  add(target: Enode | string): void {
    const enode = typeof target === 'string' ? parseEnode(target) : target
    const name = toHex(enode.id)
    if (this.#peers.has(name)) return
    const stop = new AbortController()
    const reach = async (signal: AbortSignal): Promise<void> => endOf(await this.#dial(enode, { signal }), signal)
    this.#peers.set(name, { stop, done: persist(reach, stop.signal, this.#pauses) })
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
