import type { AbortOptions, ComponentLogger, Connection, Logger, PeerId, Startable, Stream } from '@libp2p/interface'
import type { ConnectionManager, Registrar } from '@libp2p/interface-internal'
import type { Multiaddr } from '@multiformats/multiaddr'
import * as FIGURES from '../limits/figures.js'
import { NotConnectedError } from '../waku/errors.js'
import type { Connector, WakuNode } from '../waku/waku-node.js'
import { compareBytes } from '../wire/bytes.js'
import { failedDial } from './failed-dial.js'
import { StreamPacketChannel } from './packet-channel.js'
import { PacketReopener } from './packet-reopener.js'
import { StreamBudget } from './stream-budget.js'

export const PACKETS_PROTOCOL = '/waku/1/packets/1.0.0'

export interface PacketProtocolComponents {
  peerId: PeerId
  registrar: Registrar
  connectionManager: ConnectionManager
  logger: ComponentLogger
}

type PacketWaku = Pick<WakuNode, 'run' | 'addConnector' | 'limits' | 'twins'>

/** A stream between a pair of peers. */
interface Link {
  opener: PeerId
  connection: Connection
  ready: boolean
  retire: AbortController
}

/** The streams of one pair: the current one stays; once it is ready the others give way. */
interface Pair {
  current: Link
  links: Set<Link>
}

/** A peer that ended for one of these reasons is not called again. */
const FINAL = new Set(['UselessPeerError', 'MisbehaviourError', 'WakuStoppedError', 'UnsupportedProtocolError'])

/**
 * `/waku/1/packets/1.0.0` (protocols/packets.md): whoever dialled opens the stream; of two streams the one opened by the
 * peer with the smaller id stays; a second one of the same opener replaces the first; when it ends while a connection
 * remains, that connection's dialler opens another.
 */
export class PacketProtocol implements Startable {
  readonly #components: PacketProtocolComponents
  readonly #waku: PacketWaku
  readonly #log: Logger
  readonly #pairs = new Map<string, Pair>()
  readonly #opening = new Map<string, Promise<void>>()
  readonly #reopener: PacketReopener
  readonly #failures = new WeakMap<Connection, number>()
  /** Whose stream gave way to one of the same opener on another connection. */
  readonly #displaced = new WeakSet<Connection>()
  /** Whose stream, opened by us, the peer closed. */
  readonly #parted = new WeakSet<Connection>()
  readonly #budget = new StreamBudget({
    perPeer: 2 * FIGURES.streams.packets.perPeer,
    perHost: FIGURES.streams.packets.perAddress
  })
  #topology: string | undefined
  #running = false
  #starting: Promise<void> | undefined
  #leave: (() => void) | undefined

  constructor(components: PacketProtocolComponents, waku: PacketWaku) {
    this.#components = components
    this.#waku = waku
    this.#log = components.logger.forComponent('waku:packets')
    this.#reopener = new PacketReopener(peer => this.#reopen(peer))
  }

  async start(): Promise<void> {
    if (this.#running) return
    this.#running = true
    this.#reopener.start()
    this.#leave = this.#waku.addConnector((peer, options) => this.connect(peer, options))
    this.#starting = this.#register()
    await this.#starting
  }

  async #register(): Promise<void> {
    const { registrar } = this.#components
    await registrar.handle(PACKETS_PROTOCOL, (stream, connection) => this.#admit(stream, connection), {
      maxInboundStreams: FIGURES.streams.packets.perPeer,
      maxOutboundStreams: FIGURES.streams.packets.perPeer
    })
    this.#topology = await registrar.register(PACKETS_PROTOCOL, {
      onConnect: (_peer, connection) => {
        if (connection.direction === 'outbound') this.#open(connection).catch(() => {})
      }
    })
  }

  async beforeStop(): Promise<void> {
    if (!this.#running) return
    this.#running = false
    this.#reopener.stop()
    this.#leave?.()
    // a start that failed elsewhere is not waited for by who stops
    await this.#starting?.catch(() => {})
    if (this.#topology !== undefined) this.#components.registrar.unregister(this.#topology)
    this.#topology = undefined
    await this.#components.registrar.unhandle(PACKETS_PROTOCOL)
  }

  stop(): void {
    this.#running = false
    this.#reopener.stop()
  }

  /** Opens the packets stream with a peer that is connected or can be dialled; nothing when there is one. */
  async connect(peer: PeerId, options: Parameters<Connector>[1]): Promise<void> {
    if (this.#pairs.has(peer.toString())) return
    const { connectionManager } = this.#components
    const usable = connectionManager.getConnections(peer).filter(isUsable)
    const existing = usable.find(({ direction }) => direction === 'outbound') ?? usable[0]
    if (existing !== undefined) {
      try {
        return await this.#open(existing, { signal: options.signal })
      } catch (err) {
        // it was on its way out
        if (existing.status === 'open') throw err
      }
    }
    const { signal, address } = options
    await this.#open(await this.#dial(address ?? peer, signal), { signal })
  }

  async #dial(peer: PeerId | Multiaddr, signal: AbortSignal): Promise<Connection> {
    try {
      return await this.#components.connectionManager.openConnection(peer, { signal })
    } catch (cause) {
      signal.throwIfAborted()
      const { reason, text } = await failedDial(cause)
      throw new NotConnectedError(`that peer cannot be reached: ${text}`, { reason, cause })
    }
  }

  /** One stream is opened at a time; who comes meanwhile waits for it. */
  #open(connection: Connection, options: AbortOptions = {}): Promise<void> {
    const id = connection.remotePeer.toString()
    if (!this.#running || this.#pairs.has(id)) return Promise.resolve()
    if (connection.limits !== undefined) {
      return Promise.reject(
        new NotConnectedError('that peer is reached through a relay, which carries history but no live envelopes', {
          reason: 'relayed'
        })
      )
    }
    const opening =
      this.#opening.get(id) ?? this.#openStream(connection, options).finally(() => this.#opening.delete(id))
    this.#opening.set(id, opening)
    return opening
  }

  async #openStream(connection: Connection, options: AbortOptions): Promise<void> {
    try {
      const signal = options.signal ?? AbortSignal.timeout(FIGURES.streams.packets.open)
      const stream = await connection.newStream(PACKETS_PROTOCOL, { signal })
      if (this.#running) this.#admit(stream, connection)
      else stream.abort(new Error('the packets protocol stopped'))
    } catch (cause) {
      // a connection that closes meanwhile rejects with an event
      const err = cause instanceof Error ? cause : new NotConnectedError('the connection closed')
      this.#log.trace('could not open a packets stream - %e', err)
      if (!FINAL.has(err.name)) this.#reopener.schedule(connection.remotePeer)
      throw err
    }
  }

  /** A stream was opened by either side: it stays, or it gives way, and then lets what is under way finish. */
  #admit(stream: Stream, connection: Connection): void {
    const peer = connection.remotePeer
    const id = peer.toString()
    const leave = this.#budget.enter(connection)
    if (leave === undefined) {
      this.#waku.limits.counts.add('refused_stream')
      this.#log.trace('a packets stream was refused: too many of that peer or address')
      stream.abort(new Error('too many packets streams'))
      return
    }
    const link: Link = {
      opener: stream.direction === 'outbound' ? this.#components.peerId : peer,
      connection,
      ready: false,
      retire: new AbortController()
    }
    const pair = this.#pairs.get(id) ?? { current: link, links: new Set() }
    this.#pairs.set(id, pair)
    pair.links.add(link)
    if (this.#wins(link, pair.current)) pair.current = link
    settle(pair)
    const opened = Date.now()
    const onReady = (): void => {
      link.ready = true
      this.#lookForTwin(link, pair)
      settle(pair)
    }
    const channel = new StreamPacketChannel(stream, { connection, limits: this.#waku.limits })
    void this.#waku.run(channel, { retire: link.retire.signal, onReady }).then(error => {
      leave()
      if (error !== undefined && !link.ready) this.#blame(connection)
      this.#over(peer, pair, link, error, Date.now() - opened)
    })
  }

  /** Whoever opens stream after stream that comes to nothing is not listened to any more. */
  #blame(connection: Connection): void {
    const failures = (this.#failures.get(connection) ?? 0) + 1
    this.#failures.set(connection, failures)
    if (failures >= FIGURES.streams.packets.failures)
      connection.abort(new Error('too many packets streams came to nothing'))
  }

  #over(peer: PeerId, pair: Pair, link: Link, error: Error | undefined, lived: number): void {
    pair.links.delete(link)
    if (pair.current !== link) return
    // the stream that was to take over never became ready: the one before stays
    const before = [...pair.links].findLast(({ retire }) => !retire.signal.aborted)
    if (before !== undefined) {
      pair.current = before
      settle(pair)
      return
    }
    this.#pairs.delete(peer.toString())
    if (
      error === undefined &&
      lived < FIGURES.streams.packets.shortLife &&
      link.opener.equals(this.#components.peerId)
    ) {
      this.#parted.add(link.connection)
    }
    if (error === undefined || !FINAL.has(error.name)) this.#reopener.schedule(peer, lived)
  }

  /** A peer that has moved to another connection does not come back on the first: there somebody else lives under its name. */
  #lookForTwin(link: Link, { current, links }: Pair): void {
    if (link !== current) return
    const others = [...links].filter(
      other => other.ready && !other.retire.signal.aborted && other.connection !== link.connection
    )
    const same = others.filter(({ opener, connection }) => opener.equals(link.opener) && connection.status === 'open')
    if (same.length === 0) return
    for (const { connection } of same) this.#displaced.add(connection)
    if (this.#displaced.has(link.connection)) this.#waku.twins.suspect('peer', link.connection.remotePeer)
  }

  /** Of the same opener the newer stream stays, else the one of the peer with the smaller id. */
  #wins(link: Link, current: Link): boolean {
    if (link.opener.equals(current.opener)) return true
    return compareBytes(link.opener.toMultihash().bytes, current.opener.toMultihash().bytes) < 0
  }

  #reopen(peer: PeerId): void {
    if (this.#pairs.has(peer.toString())) return
    const connection = this.#components.connectionManager
      .getConnections(peer)
      .find(candidate => candidate.direction === 'outbound' && isUsable(candidate))
    if (connection === undefined) {
      this.#reopener.forget(peer)
      return
    }
    this.#open(connection)
      .then(() => {
        // it goes on with the protocol, and not with us: perhaps with another of our name
        if (this.#parted.delete(connection)) this.#waku.twins.suspect('own', peer)
      })
      .catch(() => {})
  }
}

function settle({ current, links }: Pair): void {
  if (!current.ready) return
  for (const link of links) if (link !== current) link.retire.abort()
}

/** A limited (relayed) connection is not for a stream that lives long and carries everything. */
function isUsable(connection: Connection): boolean {
  return connection.status === 'open' && connection.limits === undefined
}
