import type { PeerId } from '@libp2p/interface'
import { backOff } from '../base/back-off.js'
import * as FIGURES from '../limits/figures.js'

interface Attempt {
  /** Before it, since the last stream that lived long. */
  failures: number
  timer: ReturnType<typeof setTimeout> | undefined
}

/** Waits before a stream is opened again, longer each time, up to a minute. */
export class PacketReopener {
  readonly #attempts = new Map<string, Attempt>()
  readonly #reopen: (peer: PeerId) => void
  #stopped = false

  /** @param reopen opens a stream when a connection remains, else calls `forget` */
  constructor(reopen: (peer: PeerId) => void) {
    this.#reopen = reopen
  }

  /** @param lived how long the stream that ended had lived, in ms; 0 when none could be opened */
  schedule(peer: PeerId, lived = 0): void {
    if (this.#stopped) return
    const id = peer.toString()
    const before = this.#attempts.get(id)
    if (before?.timer !== undefined) return
    const { reopen } = FIGURES.streams.packets
    const failures = before === undefined || lived >= reopen.steady ? 0 : before.failures + 1
    const attempt: Attempt = { failures, timer: undefined }
    // not all peers of a node that restarted at the same moment
    attempt.timer = setTimeout(
      () => {
        attempt.timer = undefined
        this.#reopen(peer)
      },
      backOff(failures, reopen)
    )
    this.#attempts.set(id, attempt)
  }

  forget(peer: PeerId): void {
    const id = peer.toString()
    clearTimeout(this.#attempts.get(id)?.timer)
    this.#attempts.delete(id)
  }

  start(): void {
    this.#stopped = false
  }

  stop(): void {
    this.#stopped = true
    for (const { timer } of this.#attempts.values()) clearTimeout(timer)
    this.#attempts.clear()
  }
}
