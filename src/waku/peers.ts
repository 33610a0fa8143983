import type { PeerId } from '@libp2p/interface'
import { NotConnectedError } from './errors.js'
import type { Session } from './session.js'

interface Neighbour {
  slot: number
  /** One of its conversations became ready. */
  met: boolean
  /** In the order in which they became ready, those that are not ready first. */
  sessions: Session[]
}

interface Waiter {
  resolve: () => void
  reject: (error: Error) => void
}

/**
 * The peers there are conversations with. Each has a slot, a small number that stands for it in every envelope's set of
 * peers that know it; of several conversations with one peer the newest that is ready is the active one, a secondary one only
 * when there is no other.
 */
export class Peers {
  readonly #byPeer = new Map<string, Neighbour>()
  readonly #waiting = new Map<string, Set<Waiter>>()
  #free: number[] = []
  #released: number[] = []
  #slots = 0

  /** The slot of a peer, new when there is no conversation with it yet; `add` has to follow. */
  slotOf(peer: PeerId): number {
    return this.#byPeer.get(peer.toString())?.slot ?? this.#free.pop() ?? this.#slots++
  }

  add(session: Session): void {
    const id = session.peer.toString()
    const neighbour = this.#byPeer.get(id)
    if (neighbour === undefined) this.#byPeer.set(id, { slot: session.slot, met: false, sessions: [session] })
    else neighbour.sessions.unshift(session)
  }

  /** The handshake of `session` is done. */
  onReady(session: Session): void {
    const neighbour = this.#byPeer.get(session.peer.toString())
    if (neighbour === undefined) return
    neighbour.met = true
    neighbour.sessions = [...neighbour.sessions.filter(other => other !== session), session]
    this.#tell(session.peer, waiter => waiter.resolve())
  }

  remove(session: Session, error: Error | undefined): void {
    const id = session.peer.toString()
    const neighbour = this.#byPeer.get(id)
    if (neighbour === undefined) return
    neighbour.sessions = neighbour.sessions.filter(other => other !== session)
    if (neighbour.sessions.length > 0) return
    this.#byPeer.delete(id)
    // one that never became ready stands in no set
    if (neighbour.met) this.#released.push(neighbour.slot)
    else this.#free.push(neighbour.slot)
    this.#tell(session.peer, waiter => waiter.reject(error ?? new NotConnectedError('the peer ended the conversation')))
  }

  active(peer: PeerId): Session | undefined {
    const neighbour = this.#byPeer.get(peer.toString())
    return neighbour && activeOf(neighbour)
  }

  /** One session for each peer that is ready. */
  allActive(): Session[] {
    return [...this.#byPeer.values()].flatMap(neighbour => activeOf(neighbour) ?? [])
  }

  all(): Session[] {
    return [...this.#byPeer.values()].flatMap(({ sessions }) => sessions)
  }

  /** Slots of peers that went away since the last call: once cleared everywhere they may be used again. */
  takeReleased(): number[] {
    const released = this.#released
    this.#released = []
    return released
  }

  reuse(slots: number[]): void {
    this.#free.push(...slots)
  }

  /** Resolves when a conversation with the peer is ready; rejects when the last one ended, or the signal aborted. */
  whenReady(peer: PeerId, signal: AbortSignal): Promise<void> {
    if (this.active(peer) !== undefined) return Promise.resolve()
    const id = peer.toString()
    return new Promise((resolve, reject) => {
      const settle = (act: () => void): void => {
        signal.removeEventListener('abort', onAbort)
        waiters.delete(waiter)
        if (waiters.size === 0) this.#waiting.delete(id)
        act()
      }
      const onAbort = (): void => settle(() => reject(signal.reason))
      const waiter = { resolve: () => settle(resolve), reject: (error: Error) => settle(() => reject(error)) }
      const waiters = this.#waiting.get(id) ?? new Set<Waiter>()
      if (signal.aborted) return reject(signal.reason)
      this.#waiting.set(id, waiters)
      waiters.add(waiter)
      signal.addEventListener('abort', onAbort, { once: true })
    })
  }

  #tell(peer: PeerId, act: (waiter: Waiter) => void): void {
    for (const waiter of [...(this.#waiting.get(peer.toString()) ?? [])]) act(waiter)
  }
}

function activeOf({ sessions }: Neighbour): Session | undefined {
  const ready = sessions.filter(session => session.ready && !session.retiring)
  return ready.findLast(({ channel }) => channel.secondary !== true) ?? ready.at(-1)
}
