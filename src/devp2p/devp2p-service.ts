import { networkInterfaces } from 'node:os'
import type { ComponentLogger, Logger, Metrics, PeerId, Startable } from '@libp2p/interface'
import { raceSignal } from 'race-signal'
import { Tally } from '../base/tally.js'
import * as FIGURES from '../limits/figures.js'
import { NotConnectedError, WakuStoppedError } from '../waku/errors.js'
import { ServerUnreachableError } from '../waku/mail-errors.js'
import type { MailDialler, MailLine, RequestHandler } from '../waku/mail-exchange.js'
import type { Network } from '../waku/packet-channel.js'
import type { WakuNode } from '../waku/waku-node.js'
import type { Capability } from '../wire/request/dialect.js'
import { ALL_CAPABILITIES, offer } from './capability-traits.js'
import { DEVP2P_EVENTS, type Devp2pEvent } from './counters.js'
import { type Enode, parseEnode, peerIdFromNodeId } from './enode.js'
import type { NodeKey } from './node-key.js'
import { PeerLink } from './peer-link.js'
import { Rebuffs } from './rebuffs.js'
import type { RlpxConnection } from './rlpx-connection.js'
import { RlpxHost, type RlpxHostInit } from './rlpx-host.js'
import { StaticPeers } from './static-peers.js'

/** The services that devp2p peers are joined to. */
export interface Devp2pPeersOf {
  waku: Pick<WakuNode, 'run' | 'addConnector' | 'status' | 'limits' | 'twins'>
  /** Answers history requests: `handle` of the mailserver. Without it they are ignored. */
  handle?: RequestHandler | undefined
  /** Takes our way to devp2p mailservers: `addDialler` of the mail client. */
  addDialler?: ((network: Network, dialler: MailDialler) => void) | undefined
}

export interface Devp2pComponents {
  logger: ComponentLogger
  metrics?: Metrics | undefined
  /** Asked when the service starts. */
  services(): Devp2pPeersOf
}

type HostInit = Omit<RlpxHostInit, 'key' | 'capabilities' | 'onConnection' | 'logger'>

export interface Devp2pInit extends HostInit {
  /** The node's identity: the key that its libp2p PeerId is made of. */
  key: NodeKey
  /**
   * Where to accept connections; port 0 takes a free one.
   *
   * @default only dials
   */
  listen?: ReadonlyArray<{ host: string; port: number }> | undefined
  /**
   * Address or name by which others reach this host, for its enode URL.
   *
   * @default the address that is listened on, or one of this machine's
   */
  host?: string | undefined
  /** Peers to stay connected with, as enode URLs. */
  peers?: ReadonlyArray<Enode | string> | undefined
  /**
   * What is spoken.
   *
   * @default waku/1, waku/0 and shh/6
   */
  capabilities?: readonly Capability[] | undefined
  /**
   * Serve history requests that are not encrypted: whoever connects may then read the archive.
   *
   * @default false
   */
  plainRequests?: boolean | undefined
  /**
   * How long an answer may go on after we gave it up, in ms, before the next request; a peer that is still sending then
   * is disconnected.
   *
   * @default 10000
   */
  drainTimeout?: number | undefined
}

/** Makes legacy peers of RLPx peers of the services: live envelopes, history in both roles (protocols/devp2p.md). */
export class Devp2pService implements Startable {
  readonly peerId: PeerId
  readonly tally: Tally<Devp2pEvent>
  readonly #components: Devp2pComponents
  readonly #init: Devp2pInit
  readonly #log: Logger
  readonly #addresses = new Map<string, Enode>()
  readonly #links = new Map<RlpxConnection, PeerLink>()
  readonly #rebuffs = new Rebuffs()
  #host: RlpxHost | undefined
  #statics: StaticPeers | undefined
  #services: Devp2pPeersOf | undefined
  #leave: (() => void) | undefined
  #listening: { host: string; port: number } | undefined

  /** @throws {EnodeError} for a peer that is none */
  constructor(components: Devp2pComponents, init: Devp2pInit) {
    this.#components = components
    this.#init = init
    this.#log = components.logger.forComponent('waku:devp2p')
    this.peerId = init.key.peerId
    this.tally = new Tally(
      DEVP2P_EVENTS,
      { name: 'waku_mailserver_devp2p_events_total', help: 'What happened on devp2p connections' },
      components.metrics
    )
    for (const peer of init.peers ?? []) this.addAddress(peer)
  }

  readonly [Symbol.toStringTag] = 'devp2p'

  /** Listens and begins to dial; rejects, with nothing left open, when an address cannot be had. */
  async start(): Promise<void> {
    if (this.#host !== undefined) return
    const { capabilities = ALL_CAPABILITIES, listen = [], peers = [], ...init } = this.#init
    const services = this.#components.services()
    const host = new RlpxHost({
      ...init,
      capabilities: offer(capabilities),
      logger: this.#components.logger,
      limits: services.waku.limits,
      welcome: peer => this.#addresses.has(peer.toString()) || init.welcome?.(peer) === true,
      onConnection: connection => this.#admit(connection),
      onTwin: () => services.waku.twins.found('peer')
    })
    this.#services = services
    this.#host = host
    try {
      for (const { host: address, port } of listen) {
        const bound = await host.listen({ host: address, port })
        this.#listening ??= { host: address, port: bound }
      }
    } catch (error) {
      await this.stop()
      throw error
    }
    this.#leave = services.waku.addConnector(async (peer, options) => void (await this.#link(peer, options.signal)))
    services.addDialler?.('devp2p', (server, options) => this.#line(server, options.signal))
    this.#statics = new StaticPeers({ dial: (enode, options) => this.#dial(host, enode, options.signal) })
    for (const peer of peers) this.#statics.add(peer)
  }

  /** Dials nobody any more; the conversations there are belong to the services, which end them. */
  async beforeStop(): Promise<void> {
    await this.#statics?.stop()
    this.#statics = undefined
  }

  async stop(): Promise<void> {
    await this.beforeStop()
    this.#leave?.()
    this.#leave = undefined
    await this.#host?.stop()
    this.#host = undefined
    this.#listening = undefined
  }

  /**
   * Where a peer can be dialled, for as long as the service lives. Returns its name in both worlds.
   *
   * @throws {EnodeError}
   */
  addAddress(peer: Enode | string): PeerId {
    const enode = typeof peer === 'string' ? parseEnode(peer) : peer
    const peerId = peerIdFromNodeId(enode.id)
    this.#addresses.set(peerId.toString(), enode)
    return peerId
  }

  /**
   * The connection with a peer whose address is known, as soon as Status was exchanged.
   *
   * @throws {NotConnectedError} when its address is not known
   * @throws what kept it from being reached, or ended the connection; the signal's reason
   */
  async connect(peer: PeerId, options: { signal: AbortSignal }): Promise<void> {
    const link = await this.#link(peer, options.signal)
    await raceSignal(link.ready, options.signal)
  }

  /** What others reach this node by; undefined while it does not listen. An unspecified address becomes one of this machine's. */
  get enode(): string | undefined {
    const listening = this.#listening
    return listening && this.#host?.enode(this.#init.host ?? reachable(listening.host))
  }

  /** The address that is listened on, with the port that was taken. */
  get listening(): { host: string; port: number } | undefined {
    return this.#listening
  }

  get connections(): RlpxConnection[] {
    return this.#host?.connections ?? []
  }

  #admit(connection: RlpxConnection): void {
    const { waku, handle: handler } = this.#services as Devp2pPeersOf
    const { plainRequests: plain = false, drainTimeout = FIGURES.devp2p.drain } = this.#init
    const link = new PeerLink(connection, { waku, handler, plain, drainTimeout, tally: this.tally, log: this.#log })
    this.tally.add('connections')
    this.#links.set(connection, link)
    void link.run().finally(() => this.#links.delete(connection))
    if (connection.direction === 'outbound') void connection.closed.then(error => this.#ended(connection.peer, error))
  }

  async #dial(host: RlpxHost, enode: Enode, signal: AbortSignal): Promise<RlpxConnection> {
    try {
      return await host.dial(enode, { signal })
    } catch (err) {
      this.#ended(peerIdFromNodeId(enode.id), err)
      throw err
    }
  }

  /** How a connection that we dialled, or the attempt, ended. */
  #ended(peer: PeerId, error: unknown): void {
    // of two that both sides dialled at once, one stays
    if (this.#host?.connection(peer) !== undefined) return
    if (this.#rebuffs.note(peer.toString(), error)) this.#services?.waku.twins.found('own')
  }

  async #link(peer: PeerId, signal: AbortSignal): Promise<PeerLink> {
    const host = this.#host
    if (host === undefined) throw new WakuStoppedError('the devp2p service is not running')
    let connection = host.connection(peer)
    if (connection === undefined || connection.signal.aborted) {
      const enode = this.#addresses.get(peer.toString())
      if (enode === undefined) throw new NotConnectedError('no enode URL of that peer is known')
      connection = await this.#dial(host, enode, signal)
    }
    const link = this.#links.get(connection)
    if (link === undefined) throw new NotConnectedError('the connection ended')
    return link
  }

  async #line(server: PeerId, signal: AbortSignal): Promise<MailLine> {
    try {
      const link = await this.#link(server, signal)
      await raceSignal(link.ready, signal)
      return link.line()
    } catch (cause) {
      signal.throwIfAborted()
      throw new ServerUnreachableError('the server cannot be reached over devp2p', { cause })
    }
  }
}

/** An address that others can dial: an unspecified one becomes one of this machine's. */
export function reachable(host: string): string {
  const family = { '0.0.0.0': 'IPv4', '::': 'IPv6' }[host]
  if (family === undefined) return host
  const all = Object.values(networkInterfaces()).flatMap(addresses => addresses ?? [])
  const outside = all.find(address => !address.internal && address.family === family && !/^fe80/i.test(address.address))
  return outside?.address ?? (family === 'IPv4' ? '127.0.0.1' : '::1')
}
