import type { PeerId } from '@libp2p/interface'
import { anySignal } from '../base/any-signal.js'
import { backOff } from '../base/back-off.js'
import type { Waku } from '../waku/waku.js'
import { Bell } from './bell.js'
import type { Server } from './server.js'
import { LONGEST_PAUSE } from './settings.js'

/** What changed about a server. */
export interface ServerChange {
  peer: PeerId
  /** There is a conversation; there is none any more; there could be none. */
  state: 'connected' | 'lost' | 'unreachable'
  /** Why not: `reason` says what its user can do about it. */
  error?: Error | undefined
}

export interface ConversationsInit {
  waku: Pick<Waku, 'connect' | 'peers' | 'watchPeers'>
  servers: readonly Server[]
  /** ms */
  backoff: number
  onChange(change: ServerChange): void
}

/** ms */
const BRIEF = 5_000

/** Keeps up the conversations with the servers: what is sent goes over them, and what is live comes. */
export class Conversations {
  readonly #init: ConversationsInit
  readonly #connected = new Set<string>()
  /** Ends the pauses. */
  readonly #bells = new Map<Server, Bell>()

  constructor(init: ConversationsInit) {
    this.#init = init
  }

  has(server: Server): boolean {
    return this.#connected.has(server.id)
  }

  get size(): number {
    return this.#connected.size
  }

  /** Tries at once to reach those that there is no conversation with. */
  hurry(): void {
    for (const bell of this.#bells.values()) bell.ring()
  }

  /** Until the signal aborts. */
  async run(signal: AbortSignal): Promise<void> {
    // each listens on a signal of its own
    await Promise.all(this.#init.servers.map(server => this.#keep(server, anySignal([signal]))))
  }

  async #keep(server: Server, signal: AbortSignal): Promise<void> {
    const { waku, backoff, onChange } = this.#init
    const { peer } = server
    const bell = new Bell()
    this.#bells.set(server, bell)
    let failures = 0
    while (!signal.aborted) {
      try {
        await waku.connect(server.target, { signal })
        const began = performance.now()
        this.#connected.add(server.id)
        onChange({ peer, state: 'connected' })
        await this.#over(server, signal)
        // who ends it again and again is left alone for longer and longer
        failures = performance.now() - began < BRIEF ? failures + 1 : 0
        onChange({ peer, state: 'lost' })
      } catch (error) {
        if (signal.aborted) return
        failures++
        onChange({ peer, state: 'unreachable', error: error as Error })
      }
      const pause = backOff(Math.max(0, failures - 1), { first: backoff, longest: LONGEST_PAUSE })
      await bell.wait(pause, signal).catch(() => {})
    }
  }

  /** Resolves when the conversation is over. */
  #over({ id, peer }: Server, signal: AbortSignal): Promise<void> {
    return new Promise(resolve => {
      const look = (): void => {
        if (!signal.aborted && this.#init.waku.peers().some(other => other.peer.equals(peer))) return
        signal.removeEventListener('abort', look)
        stop()
        this.#connected.delete(id)
        resolve()
      }
      const stop = this.#init.waku.watchPeers(look)
      signal.addEventListener('abort', look)
      look()
    })
  }
}
