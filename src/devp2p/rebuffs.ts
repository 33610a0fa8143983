import * as FIGURES from '../limits/figures.js'
import { DisconnectError, DisconnectReason } from './disconnect.js'

const REASONS: readonly number[] = [DisconnectReason.AlreadyConnected, DisconnectReason.Self]

/** Whether a peer that we dialled says that it is connected with us already, or that it is us. */
export function isRebuff(error: unknown): boolean {
  return error instanceof DisconnectError && error.by === 'remote' && REASONS.includes(error.reason)
}

/** How long the peers that we dial have been saying, and nothing else, that they are connected with us already. */
export class Rebuffs {
  readonly #peers = new Map<string, { first: number; count: number }>()

  /** Told how an attempt ended; true when another must be connected in our name. */
  note(peer: string, error: unknown): boolean {
    if (!isRebuff(error)) {
      this.#peers.delete(peer)
      return false
    }
    const { first, count } = this.#peers.get(peer) ?? { first: Date.now(), count: 0 }
    this.#peers.set(peer, { first, count: count + 1 })
    return count + 1 >= FIGURES.devp2p.rebuffs.enough && Date.now() - first >= FIGURES.devp2p.rebuffs.patience
  }
}
