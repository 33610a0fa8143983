import type { Socket } from 'node:net'

/**
 * Connections at a time. When all places are taken, the one that has waited longest without a request under way gives way:
 * whoever only holds connections open keeps nobody out.
 */
export class Places {
  readonly #max: number
  /** Requests under way, by connection; in the order in which they were last used. */
  readonly #sockets = new Map<Socket, number>()

  constructor(max: number) {
    this.#max = max
  }

  get size(): number {
    return this.#sockets.size
  }

  enter(socket: Socket): void {
    if (this.#sockets.size >= this.#max && !this.#makeRoom()) return void socket.destroy()
    this.#sockets.set(socket, 0)
    socket.once('close', () => this.#sockets.delete(socket))
  }

  /** A request of it is under way until the function is called that this returns. */
  use(socket: Socket): () => void {
    const change = (by: number): void => {
      const busy = this.#sockets.get(socket)
      if (busy === undefined) return
      this.#sockets.delete(socket)
      this.#sockets.set(socket, busy + by)
    }
    change(1)
    return () => change(-1)
  }

  destroyAll(): void {
    for (const socket of this.#sockets.keys()) socket.destroy()
  }

  #makeRoom(): boolean {
    for (const [socket, busy] of this.#sockets) {
      if (busy > 0) continue
      this.#sockets.delete(socket)
      socket.destroy()
      return true
    }
    return false
  }
}
