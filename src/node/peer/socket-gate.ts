import type { Server, Socket } from 'node:net'
import type { MultiaddrConnection } from '@libp2p/interface'
import { ipPortToMultiaddr } from '@libp2p/utils'
import { addressKey } from '../../limits/address-key.js'
import * as FIGURES from '../../limits/figures.js'

export interface SocketGateLimits {
  /**
   * Sockets of one address that are not WebSockets yet.
   *
   * @default 128
   */
  perAddress?: number | undefined
  /**
   * The same of all addresses.
   *
   * @default 2048
   */
  total?: number | undefined
  /**
   * How long a socket may take to become a WebSocket, in ms.
   *
   * @default 5000
   */
  timeout?: number | undefined
  /** Told of each socket that is refused. */
  onRefused?: (() => void) | undefined
  /** Addresses that others come through: theirs are counted together with all others only. */
  proxies?: ReadonlySet<string> | undefined
}

interface Pending {
  socket: Socket
  address: string
  timer: ReturnType<typeof setTimeout>
}

/**
 * Bounds what a WebSocket listener leaves unbounded: sockets that say nothing, are slow with TLS, or ask for web pages. libp2p
 * sees a connection, and counts it, when it has become a WebSocket.
 */
export class SocketGate {
  readonly #perAddress: number
  readonly #total: number
  readonly #timeout: number
  readonly #onRefused: () => void
  readonly #proxies: Set<string>
  /** By the multiaddr that libp2p gives them. */
  readonly #pending = new Map<string, Pending>()

  constructor({
    perAddress = FIGURES.connections.pendingPerAddress,
    total = FIGURES.connections.pending,
    timeout = FIGURES.connections.upgrade,
    onRefused = () => {},
    proxies
  }: SocketGateLimits = {}) {
    this.#proxies = new Set([...(proxies ?? [])].map(addressKey))
    this.#perAddress = perAddress
    this.#total = total
    this.#timeout = timeout
    this.#onRefused = onRefused
  }

  /** Looks at each socket that `server` accepts. */
  guard(server: Server): void {
    server.on('connection', socket => this.#enter(socket))
  }

  /** It has become a WebSocket. */
  pass(connection: Pick<MultiaddrConnection, 'remoteAddr'>): void {
    this.#leave(connection.remoteAddr.toString())
  }

  /** Ends whatever waits. */
  close(): void {
    for (const { socket } of this.#pending.values()) socket.destroy()
  }

  #enter(socket: Socket): void {
    const { remoteAddress, remotePort } = socket
    // it is gone already
    if (remoteAddress === undefined || remotePort === undefined) return void socket.destroy()
    const address = addressKey(remoteAddress)
    let mine = 0
    for (const other of this.#pending.values()) if (other.address === address) mine++
    const crowded = mine >= this.#perAddress && !this.#proxies.has(address)
    if (crowded || this.#pending.size >= this.#total) {
      this.#onRefused()
      return void socket.destroy()
    }
    const key = ipPortToMultiaddr(remoteAddress, remotePort).encapsulate('/ws').toString()
    const timer = setTimeout(() => socket.destroy(), this.#timeout)
    this.#pending.set(key, { socket, address, timer })
    socket.once('close', () => this.#leave(key))
  }

  #leave(key: string): void {
    clearTimeout(this.#pending.get(key)?.timer)
    this.#pending.delete(key)
  }
}
