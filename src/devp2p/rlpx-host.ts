import { connect, createServer, type Server, type Socket } from 'node:net'
import type { ComponentLogger, Logger, PeerId } from '@libp2p/interface'
import { raceSignal } from 'race-signal'
import { addressKey } from '../limits/address-key.js'
import * as FIGURES from '../limits/figures.js'
import { Limits } from '../limits/limits.js'
import { Newcomers } from '../limits/newcomers.js'
import type { Origin } from '../limits/origin.js'
import { RecentHashes } from '../waku/recent-hashes.js'
import { equalBytes, toHex } from '../wire/bytes.js'
import type { Capability } from './capability.js'
import { ConnectionTable } from './connection-table.js'
import { DisconnectReason } from './disconnect.js'
import { type Enode, formatEnode, nodeIdFromPeerId, parseEnode, peerIdFromNodeId } from './enode.js'
import { DialError, StalledError } from './errors.js'
import { type Hello, SNAPPY_VERSION } from './hello.js'
import { InboundGate, type InboundLimits } from './inbound-gate.js'
import type { NodeKey } from './node-key.js'
import { RlpxConnection, type RlpxConnectionInit } from './rlpx-connection.js'
import { initiate, type RespondOptions, respond, type SecureChannel } from './socket-handshake.js'

export interface RlpxHostInit extends Partial<InboundLimits> {
  key: NodeKey
  /** What we offer; each shared one becomes a stream of every connection. */
  capabilities: readonly Capability[]
  /** Called with every new connection, inbound and outbound, as soon as both Hellos were exchanged. */
  onConnection(connection: RlpxConnection): void
  /** What we call ourselves. @default 'waku-mailserver' */
  client?: string | undefined
  /** Told of a peer that lives twice: one that is connected, and goes on, while another of its name is refused for it. */
  onTwin?: ((peer: PeerId) => void) | undefined
  /** p2p version offered: 5 compresses with peers that do too. @default 5 */
  version?: 4 | 5 | undefined
  /**
   * Inbound connections at the same time. More are told "too many peers", unless they come from an address that has fewer
   * than another: then one of that other's gives way. @default 128
   */
  maxInbound?: number | undefined
  /** Connections not limited by `maxInbound`: peers that are always welcome. @default none */
  welcome?: ((peer: PeerId) => boolean) | undefined
  /** Milliseconds for TCP to connect. @default 10000 */
  connectTimeout?: number | undefined
  /** Milliseconds for the handshake, and again for the Hello. @default 5000 */
  handshakeTimeout?: number | undefined
  /** Milliseconds within which each message must arrive, a Pong if nothing else. @default 30000 */
  readTimeout?: number | undefined
  /** Milliseconds that a message may wait for memory that others have. @default 60000 */
  roomTimeout?: number | undefined
  /** Milliseconds within which a peer must have read on. @default 20000 */
  writeTimeout?: number | undefined
  /** Milliseconds between Pings. @default 15000 */
  pingInterval?: number | undefined
  /**
   * Bytes that all connections together may use for messages above 256 KiB; each has so much more of its own. At least
   * 32 MiB, or the largest messages are never read. @default 32 MiB
   */
  largeMessageMemory?: number | undefined
  /** Shared with the peers of other networks. @default its own, with `largeMessageMemory` */
  limits?: Limits | undefined
  logger?: ComponentLogger | undefined
}

/** How inbound sockets ended that never became connections, and how many did. */
export interface RlpxCounters {
  accepted: number
  /** Refused before a byte was read. */
  flooded: number
  /** The handshake or the Hello failed. */
  failed: number
  /** Told why not: too many peers, already connected, self. */
  refused: number
}

const DEFAULTS = {
  client: 'waku-mailserver',
  version: SNAPPY_VERSION as 4 | 5,
  maxInbound: FIGURES.devp2p.inbound as number,
  maxHandshakes: FIGURES.handshakes.places as number,
  maxPerAddress: FIGURES.devp2p.perAddress as number,
  maxRatePerAddress: FIGURES.devp2p.rate as number,
  connectTimeout: FIGURES.devp2p.within.connect,
  handshakeTimeout: FIGURES.devp2p.within.handshake,
  readTimeout: FIGURES.devp2p.within.read,
  roomTimeout: FIGURES.devp2p.within.room,
  writeTimeout: FIGURES.devp2p.within.write,
  pingInterval: FIGURES.devp2p.within.ping,
  largeMessageMemory: FIGURES.memory.shared
}

type Settings = typeof DEFAULTS & Pick<RlpxHostInit, 'key' | 'capabilities' | 'onConnection' | 'welcome' | 'onTwin'>

/** A devp2p node: listens, dials, and holds at most one connection with each peer. */
export class RlpxHost {
  readonly key: NodeKey
  readonly peerId: PeerId
  readonly counters: RlpxCounters = { accepted: 0, flooded: 0, failed: 0, refused: 0 }
  readonly #settings: Settings
  readonly #gate: InboundGate
  readonly #limits: Limits
  /** Handshakes that were opened. */
  readonly #seen = new RecentHashes(FIGURES.handshakes.remembered)
  readonly #log: Logger | undefined
  readonly #servers = new Set<Server>()
  readonly #sockets = new Set<Socket>()
  readonly #table: ConnectionTable
  readonly #dialling = new Map<string, Promise<RlpxConnection>>()
  readonly #stop = new AbortController()
  /** Connects and handshakes: they would all listen on the same signal. */
  readonly #underWay = new Set<AbortController>()
  #port = 0

  constructor(init: RlpxHostInit) {
    const given = Object.fromEntries(Object.entries(init).filter(([, value]) => value !== undefined))
    this.#settings = { ...DEFAULTS, ...given } as Settings
    const limits = init.limits ?? new Limits({ memory: this.#settings.largeMessageMemory })
    this.#limits = limits
    this.#gate = new InboundGate(this.#settings, address => limits.throttle.noisy(address))
    this.#log = init.logger?.forComponent('waku-mailserver:devp2p')
    this.key = init.key
    this.peerId = init.key.peerId
    const { maxInbound: max, welcome = () => false, onTwin } = this.#settings
    this.#table = new ConnectionTable({ id: init.key.id, counts: limits.counts, max, welcome, onTwin })
  }

  /** Accepts connections; port 0 takes a free one. Resolves with the port when listening. */
  async listen(options: { host: string; port: number }): Promise<number> {
    this.#stop.signal.throwIfAborted()
    const server = createServer({ pauseOnConnect: true }, socket => void this.#accept(socket))
    await new Promise<void>((resolve, reject) => {
      server.once('error', reject)
      server.listen({ host: options.host, port: options.port }, () => {
        server.off('error', reject)
        resolve()
      })
    })
    server.on('error', error => this.#log?.error('listening failed: %s', error.message))
    this.#servers.add(server)
    const address = server.address()
    this.#port = typeof address === 'object' && address !== null ? address.port : options.port
    return this.#port
  }

  /** Our enode URL as seen from `host`; undefined while not listening. */
  enode(host: string): string | undefined {
    return this.#port === 0 ? undefined : formatEnode({ id: this.key.id, host, port: this.#port })
  }

  get connections(): RlpxConnection[] {
    return this.#table.all
  }

  connection(peer: PeerId): RlpxConnection | undefined {
    return peer.type === 'secp256k1' ? this.#table.get(toHex(nodeIdFromPeerId(peer))) : undefined
  }

  /**
   * The connection with a peer: the one there is, or a new one. Whoever dials meanwhile gets the same; then the signal
   * only ends the waiting.
   *
   * @throws EnodeError, DialError, RlpxHandshakeError, DisconnectError, StalledError, the signal's reason
   */
  async dial(target: Enode | string, options: { signal?: AbortSignal | undefined } = {}): Promise<RlpxConnection> {
    const { signal } = options
    signal?.throwIfAborted()
    this.#stop.signal.throwIfAborted()
    const enode = typeof target === 'string' ? parseEnode(target) : target
    if (equalBytes(enode.id, this.key.id)) throw new DialError('that is this node itself')
    const name = toHex(enode.id)
    const existing = this.#table.get(name)
    if (existing !== undefined) return existing
    let dialling = this.#dialling.get(name)
    if (dialling === undefined) {
      dialling = this.#dial(enode, name).finally(() => this.#dialling.delete(name))
      dialling.catch(() => {})
      this.#dialling.set(name, dialling)
    }
    return await raceSignal(dialling, signal)
  }

  /** Says "quitting" to every peer and closes everything. Resolves when all sockets are gone, after 2 s at most. */
  async stop(): Promise<void> {
    this.#stop.abort(new DialError('the node is stopping'))
    for (const controller of this.#underWay) controller.abort(this.#stop.signal.reason)
    const closing = [...this.#servers].map(server => new Promise<void>(resolve => server.close(() => resolve())))
    const leaving = this.connections.map(connection => connection.disconnect(DisconnectReason.Quitting))
    const timer = setTimeout(() => {
      for (const socket of this.#sockets) socket.destroy()
    }, 2 * FIGURES.devp2p.close)
    await Promise.all([...leaving, ...this.#dialling.values()].map(promise => promise.catch(() => {})))
    for (const socket of this.#sockets) socket.destroy()
    await Promise.all(closing)
    clearTimeout(timer)
  }

  async #accept(socket: Socket): Promise<void> {
    const pass = this.#stop.signal.aborted
      ? undefined
      : this.#gate.enter(socket.remoteAddress ?? '', () => {
          this.#limits.counts.add('evicted_handshake')
          socket.destroy()
        })
    if (pass === undefined) {
      this.counters.flooded++
      this.#limits.counts.add('refused_socket')
      socket.destroy()
      return
    }
    this.#track(socket)
    socket.once('close', () => pass.closed())
    const isFresh = (name: string): boolean => {
      const fresh = !this.#seen.has(name)
      if (fresh) this.#seen.add(name)
      return fresh
    }
    const origin: Origin = { peer: '', address: addressKey(socket.remoteAddress ?? '') }
    if (!(await Newcomers.of(this.#limits).entrance.enter(origin.address)) || socket.destroyed) {
      this.counters.flooded++
      this.#limits.counts.add('refused_socket')
      socket.destroy()
      return
    }
    try {
      const channel = await this.#handshake(socket, signal => {
        const turn: RespondOptions['turn'] = work => Newcomers.of(this.#limits).handshakes.run(origin, work, { signal })
        return respond(socket, this.key, { signal, isFresh, turn })
      })
      const init = this.#connectionInit(socket, channel, 'inbound')
      const objection = this.#table.objection(channel.remoteId, { peer: init.peer, address: origin.address })
      if (objection !== undefined) {
        this.counters.refused++
        if (objection === DisconnectReason.TooManyPeers) this.#limits.counts.add('refused_connection')
        pass.agreed()
        await RlpxConnection.refuse(init, objection)
        return
      }
      const connection = await this.#greet(init)
      pass.agreed()
      if (this.#register(connection) === connection) this.counters.accepted++
      else this.counters.refused++
    } catch (error) {
      this.counters.failed++
      // it took a tenth of what one second has for all of its address
      this.#limits.throttle.charge(origin, FIGURES.handshakes.failed)
      this.#log?.('an inbound connection was not agreed: %s', (error as Error).message)
    }
  }

  async #dial(enode: Enode, name: string): Promise<RlpxConnection> {
    try {
      const socket = await this.#connect(enode)
      const channel = await this.#handshake(socket, signal => initiate(socket, this.key, enode.id, { signal }))
      return this.#register(await this.#greet(this.#connectionInit(socket, channel, 'outbound')))
    } catch (error) {
      // The peer may have dialled us at the same time, and keeps that connection.
      const other = this.#table.get(name)
      if (other !== undefined) return other
      throw error
    }
  }

  async #connect(enode: Enode): Promise<Socket> {
    const socket = connect({ host: enode.host, port: enode.port })
    this.#track(socket)
    try {
      await this.#within(this.#settings.connectTimeout, async signal => {
        await new Promise<void>((resolve, reject) => {
          signal.addEventListener('abort', () => reject(signal.reason), { once: true })
          socket.once('error', reject)
          socket.once('connect', resolve)
        })
      })
      socket.pause()
      return socket
    } catch (cause) {
      socket.destroy()
      throw new DialError('the peer cannot be reached', { cause })
    }
  }

  async #handshake(socket: Socket, run: (signal: AbortSignal) => Promise<SecureChannel>): Promise<SecureChannel> {
    try {
      return await this.#within(this.#settings.handshakeTimeout, run)
    } catch (error) {
      socket.destroy()
      throw error
    }
  }

  /** From here on the connection closes its socket itself, after it said why. */
  #greet(init: RlpxConnectionInit): Promise<RlpxConnection> {
    return this.#within(this.#settings.handshakeTimeout, signal => RlpxConnection.open(init, { signal }))
  }

  /** The connection that stays: this one, or the one that there was with that peer. */
  #register(connection: RlpxConnection): RlpxConnection {
    const kept = this.#table.register(connection)
    if (kept === connection) this.#settings.onConnection(connection)
    return kept
  }

  #connectionInit(socket: Socket, channel: SecureChannel, direction: 'inbound' | 'outbound'): RlpxConnectionInit {
    const { client, version, capabilities } = this.#settings
    const { readTimeout, roomTimeout, writeTimeout, pingInterval } = this.#settings
    const hello: Hello = { version, client, capabilities: [...capabilities], port: this.#port, id: this.key.id }
    const timeouts = { readTimeout, roomTimeout, writeTimeout, pingInterval }
    const peer = peerIdFromNodeId(channel.remoteId)
    return { socket, channel, peer, direction, hello, capabilities, ...timeouts, limits: this.#limits }
  }

  async #within<T>(timeout: number, run: (signal: AbortSignal) => Promise<T>): Promise<T> {
    const controller = new AbortController()
    const timer = setTimeout(() => controller.abort(new StalledError(`not done within ${timeout} ms`)), timeout)
    this.#underWay.add(controller)
    if (this.#stop.signal.aborted) controller.abort(this.#stop.signal.reason)
    try {
      return await run(controller.signal)
    } finally {
      clearTimeout(timer)
      this.#underWay.delete(controller)
    }
  }

  #track(socket: Socket): void {
    this.#sockets.add(socket)
    // Errors are dealt with where the socket is used; between two such places one must not end the process.
    socket.on('error', () => {})
    socket.once('close', () => this.#sockets.delete(socket))
  }
}
