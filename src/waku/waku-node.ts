import type { ComponentLogger, Logger, Metrics, PeerId, Startable } from '@libp2p/interface'
import type { Multiaddr } from '@multiformats/multiaddr'
import { anySignal } from '../base/any-signal.js'
import { type PeerTarget, targetOf } from '../base/peer-target.js'
import * as FIGURES from '../limits/figures.js'
import { Limits } from '../limits/limits.js'
import { checkFunction, checkNames, describe } from '../wire/checks.js'
import type { Envelope } from '../wire/envelope/envelope.js'
import { UnencodableError } from '../wire/errors.js'
import { checkOptions } from '../wire/options.js'
import type { StatusOptions } from '../wire/packet/status.js'
import { Counters } from './counters.js'
import { InvalidPostError, NotConnectedError, WakuStoppedError } from './errors.js'
import type { Feed } from './feed.js'
import { Filters } from './filters.js'
import { Forwarder } from './forwarder.js'
import { Intake } from './intake.js'
import type { Message, PostResult, SealedMessage } from './message.js'
import type { Miner } from './miner.js'
import { OwnStatus } from './own-status.js'
import type { PacketChannel } from './packet-channel.js'
import type { PacketDigester } from './packet-digester.js'
import { Peers } from './peers.js'
import type { Poster } from './post.js'
import { SeenEnvelopes } from './seen-envelopes.js'
import { Session } from './session.js'
import { type Settings, settle, type WakuInit } from './settings.js'
import type { EnvelopeStore } from './store-batch.js'
import type { MessageFilter, ReceivedMessage } from './subscription.js'
import { Twins } from './twins.js'
import type { Waku, WakuPeer } from './waku.js'

export interface WakuComponents {
  peerId: PeerId
  logger: ComponentLogger
  metrics?: Metrics | undefined
}

export interface RunOptions {
  /** When it aborts, the conversation gives way: what was accepted is confirmed, then the channel is closed. */
  retire?: AbortSignal | undefined
  /** Called once Status was exchanged. */
  onReady?: (() => void) | undefined
}

/** Gets a conversation with a peer, or throws: dials it (at `address` when that is known), opens a stream, hands the channel to `run`. */
export type Connector = (
  peer: PeerId,
  options: { signal: AbortSignal; address?: Multiaddr | undefined }
) => Promise<void>

const TICK = 1_000

/** Joins session, intake, forwarding, filters and posting: what applications use of it, and what transports and services do. */
export class WakuNode implements Waku, Startable {
  readonly counters: Counters
  /** What its peers share, whichever transport they come by. */
  readonly limits: Limits
  /** Where transports say what hints at two peers of one identity. */
  readonly twins: Twins
  readonly #log: Logger
  readonly #settings: Settings
  readonly #own: OwnStatus
  readonly #seen: SeenEnvelopes
  readonly #forwarder: Forwarder
  readonly #filters: Filters
  readonly #intake: Intake
  readonly #digester: PacketDigester | undefined
  readonly #peers = new Peers()
  readonly #feeds = new Map<Session, Feed>()
  readonly #connectors = new Set<Connector>()
  readonly #watchers = new Set<() => void>()
  #miner: Miner | undefined
  #poster: Poster | undefined
  #timer: ReturnType<typeof setInterval> | undefined
  #running = false
  #releasing = false

  /** @throws {UnencodableError} when an announced option is out of its range */
  constructor(components: WakuComponents, init: WakuInit = {}) {
    const settings = settle(init)
    const log = components.logger.forComponent('waku')
    const counters = new Counters(components.metrics)
    this.limits = new Limits({ metrics: components.metrics })
    const { bloom, topics, packetLimits, byteLimits } = init
    const { pow, light, confirmations } = settings
    const own = new OwnStatus({ pow, bloom, light, confirmations, packetLimits, topics, byteLimits })
    const forwarder = new Forwarder({ own, settings, counters, limits: this.limits })
    const seen = new SeenEnvelopes(settings.rememberedEnvelopes, entry => forwarder.forget(entry))
    const filters = new Filters({ memory: settings.deliveredMemory, counters, log })
    this.#log = log
    this.#settings = settings
    this.counters = counters
    this.twins = new Twins(counters, init.onTwin)
    this.#own = own
    this.#forwarder = forwarder
    this.#seen = seen
    this.#filters = filters
    this.#intake = new Intake({ own, settings, seen, forwarder, filters, counters, log })
    this.#digester = init.digester
    components.metrics?.registerMetricGroup('waku_mailserver_node_state', {
      label: 'of',
      help: 'What the waku node holds now',
      calculate: () => ({
        peers: this.#peers.allActive().length,
        pool_envelopes: forwarder.pool.size,
        pool_bytes: forwarder.pool.bytes,
        remembered_envelopes: seen.size
      })
    })
  }

  readonly [Symbol.toStringTag] = 'waku'

  get status(): StatusOptions {
    return this.#own.options
  }

  /** Before any transport starts: who calls from then on is served. */
  async beforeStart(): Promise<void> {
    await this.#filters.load()
  }

  start(): void {
    if (this.#running) return
    this.#running = true
    this.#miner?.start()
    this.#timer = setInterval(() => this.#tick(), TICK)
  }

  /** Confirms what was accepted and ends every conversation, while the connections are still there. */
  async beforeStop(): Promise<void> {
    this.#running = false
    const { stopTimeout } = this.#settings
    await Promise.all(this.#peers.all().map(session => session.retire(AbortSignal.timeout(stopTimeout))))
  }

  stop(): void {
    this.#running = false
    clearInterval(this.#timer)
    this.#miner?.stop()
    for (const session of this.#peers.all()) session.channel.abort(new WakuStoppedError('the node stopped'))
  }

  /**
   * Takes over a fresh conversation; transports call it.
   *
   * @returns when the conversation is over, with what ended it other than a clean close; never rejects
   */
  async run(channel: PacketChannel, options: RunOptions = {}): Promise<Error | undefined> {
    if (!this.#running) {
      const error = new WakuStoppedError('the node is not running')
      channel.abort(error)
      return error
    }
    const session = new Session(channel, {
      slot: this.#peers.slotOf(channel.peer),
      own: this.#own,
      settings: this.#settings,
      intake: this.#intake,
      limits: this.limits,
      digester: this.#digester,
      counters: this.counters,
      log: this.#log,
      onReady: () => {
        this.#onReady(session)
        options.onReady?.()
      },
      onInterest: () => this.#feeds.get(session)?.rewind()
    })
    this.#peers.add(session)
    const retire = (): void => this.#retire(session)
    options.retire?.addEventListener('abort', retire)
    const running = session.run()
    if (options.retire?.aborted === true) retire()
    const error = await running
    options.retire?.removeEventListener('abort', retire)
    this.#onOver(session, error)
    return error
  }

  /** Where accepted envelopes are stored before they are confirmed; without one there is nothing to wait for. */
  setStore(store: EnvelopeStore | undefined): void {
    this.#intake.store = store
  }

  subscribe(filter: MessageFilter, onMessage: (message: ReceivedMessage) => unknown): () => void {
    return this.#filters.subscribe(filter, onMessage)
  }

  async post(
    message: Message | SealedMessage,
    options: { signal?: AbortSignal | undefined; timeout?: number | undefined } = {}
  ): Promise<PostResult> {
    if (!this.#running) throw new WakuStoppedError('the node is not running')
    if (message === null || typeof message !== 'object')
      throw new InvalidPostError(`a message is an object, not ${describe(message)}`)
    const { peer, address } = message.to === undefined ? {} : targetOf(message.to, InvalidPostError)
    if (address !== undefined) await this.connect(address, options)
    const poster = this.#poster ?? (await this.#loadPoster())
    return await poster.post(message, peer, options)
  }

  /** What seals, mines and posts is kept apart by bundlers, to be loaded with the first post. */
  async #loadPoster(): Promise<Poster> {
    const { Miner, Poster } = await import('./posting.js')
    if (!this.#running) throw new WakuStoppedError('the node stopped')
    this.#miner ??= new Miner(this.#log)
    const [own, settings, peers, intake, miner] = [this.#own, this.#settings, this.#peers, this.#intake, this.#miner]
    this.#poster ??= new Poster({ own, settings, peers, intake, miner })
    return this.#poster
  }

  /**
   * Brings an envelope of a mailserver to the subscribers, marked as historic. It is not forwarded and not stored.
   *
   * @returns false when subscribers want it and all of them had it before
   */
  deliverHistoric(envelope: Envelope, peer: PeerId): boolean {
    return this.#filters.deliver(envelope, { historic: true, peer })
  }

  async updateStatus(options: StatusOptions): Promise<void> {
    checkNames(options, 'a status', 'pow bloom light confirmations packetLimits topics byteLimits', UnencodableError)
    const changed = this.#own.update(options, this.#settings.now())
    if (Object.keys(changed).length === 0) return
    // nobody who does not read holds up the others
    for (const session of this.#peers.all()) session.announce(changed)
  }

  peers(): WakuPeer[] {
    return this.#peers.allActive().map(session => ({
      peer: session.peer,
      network: session.channel.network,
      get status() {
        return session.status
      },
      light: session.light,
      confirmations: session.confirms,
      since: session.since
    }))
  }

  /**
   * A transport says how it reaches a peer.
   *
   * @returns takes it back
   */
  addConnector(connect: Connector): () => void {
    this.#connectors.add(connect)
    return () => void this.#connectors.delete(connect)
  }

  watchPeers(onChange: () => void): () => void {
    checkFunction(onChange, 'who watches peers', TypeError)
    this.#watchers.add(onChange)
    return () => void this.#watchers.delete(onChange)
  }

  async connect(target: PeerTarget, options: { signal?: AbortSignal | undefined } = {}): Promise<void> {
    const { peer, address } = targetOf(target, TypeError)
    checkOptions(options, 'what is said beside a peer', { signal: 1 }, TypeError)
    if (!this.#running) throw new WakuStoppedError('the node is not running')
    if (this.#peers.active(peer) !== undefined) return
    const deadline = AbortSignal.timeout(FIGURES.conversation.connect)
    const signal = options.signal === undefined ? deadline : anySignal([options.signal, deadline])
    const ready = this.#peers.whenReady(peer, signal)
    ready.catch(() => {})
    let failure: unknown
    for (const connect of this.#connectors) {
      try {
        await connect(peer, { signal, address })
        return await ready
      } catch (err) {
        signal.throwIfAborted()
        failure ??= err
      }
    }
    throw failure ?? new NotConnectedError('no transport reaches that peer')
  }

  #onReady(session: Session): void {
    this.#peers.onReady(session)
    if (!session.retiring) this.#follow(session)
    this.#tellWatchers()
  }

  /** One that throws harms neither the others nor the conversation. */
  #tellWatchers(): void {
    for (const onChange of this.#watchers) {
      try {
        onChange()
      } catch (err) {
        this.#log.error('who watches peers failed - %e', err as Error)
      }
    }
  }

  /** Only the active conversation of a peer is fed. */
  #follow(session: Session): void {
    const active = this.#peers.active(session.peer)
    for (const [other, feed] of this.#feeds) {
      if (other.slot !== session.slot || other === active) continue
      feed.stop()
      this.#feeds.delete(other)
    }
    if (active !== undefined && !this.#feeds.has(active)) this.#feeds.set(active, this.#forwarder.open(active))
  }

  #retire(session: Session): void {
    void session.retire()
    this.#follow(session)
  }

  #onOver(session: Session, error: Error | undefined): void {
    this.#feeds.get(session)?.stop()
    this.#feeds.delete(session)
    this.#peers.remove(session, error)
    this.#follow(session)
    this.#tellWatchers()
    if (error !== undefined) this.#log.trace('a conversation ended - %e', error)
  }

  /** Once the slots of peers that went away are cleared everywhere they may be used again. */
  async #release(): Promise<void> {
    const released = this.#peers.takeReleased()
    if (released.length === 0) return
    this.#releasing = true
    await this.#seen.release(released)
    this.#releasing = false
    this.#peers.reuse(released)
  }

  #tick(): void {
    this.#seen.expire(this.#settings.now())
    this.#forwarder.tick()
    if (!this.#releasing) void this.#release()
  }
}
