import type { PeerId } from '@libp2p/interface'
import * as FIGURES from '../limits/figures.js'

interface Attempt {
  pause: number
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
    const pause =
      before === undefined || lived >= FIGURES.streams.packets.reopen.steady
        ? FIGURES.streams.packets.reopen.first
        : Math.min(before.pause * 2, FIGURES.streams.packets.reopen.longest)
    const attempt: Attempt = { pause, timer: undefined }
    // not all peers of a node that restarted at the same moment
    attempt.timer = setTimeout(
      () => {
        attempt.timer = undefined
        this.#reopen(peer)
      },
      pause * (0.75 + Math.random() / 2)
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
