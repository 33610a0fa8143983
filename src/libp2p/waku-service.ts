import { type Startable, serviceCapabilities, serviceDependencies } from '@libp2p/interface'
import type { PeerTarget } from '../base/peer-target.js'
import type { Message, PostResult, SealedMessage } from '../waku/message.js'
import type { WakuInit } from '../waku/settings.js'
import type { MessageFilter, ReceivedMessage } from '../waku/subscription.js'
import type { Waku, WakuPeer } from '../waku/waku.js'
import { type WakuComponents, WakuNode } from '../waku/waku-node.js'
import type { StatusOptions } from '../wire/packet/status.js'
import { PacketProtocol, type PacketProtocolComponents } from './packet-protocol.js'

export type WakuServiceComponents = WakuComponents & PacketProtocolComponents

const nodes = new WeakMap<WakuService, WakuNode>()

/**
 * The node behind a service, for transports and services of this package: no application needs what it has beyond `Waku`.
 *
 * @throws {TypeError} for another service
 */
export function wakuNodeOf(service: WakuService): WakuNode {
  const node = nodes.get(service)
  if (node === undefined) throw new TypeError('that service was not made by waku()')
  return node
}

/** The base node with its packets stream, as a service of a libp2p node. */
export class WakuService implements Waku, Startable {
  readonly #node: WakuNode
  readonly #packets: PacketProtocol

  /**
   * @throws {TypeError} when an option is unknown, of another type, NaN or negative
   * @throws {UnencodableError} when an announced option is out of its range
   */
  constructor(components: WakuServiceComponents, init: WakuInit = {}) {
    this.#node = new WakuNode(components, init)
    this.#packets = new PacketProtocol(components, this.#node)
    nodes.set(this, this.#node)
  }

  readonly [Symbol.toStringTag] = 'waku'
  readonly [serviceCapabilities] = ['@waku/packets']
  readonly [serviceDependencies] = ['@libp2p/identify']

  /** What was counted, by closed names: what happened, and how often peers met each bound. */
  get counts(): Record<string, number> {
    const { counters, limits } = this.#node
    return { ...counters.snapshot(), ...limits.counts.snapshot() }
  }

  get status(): StatusOptions {
    return this.#node.status
  }

  updateStatus(options: StatusOptions): Promise<void> {
    return this.#node.updateStatus(options)
  }

  subscribe(filter: MessageFilter, onMessage: (message: ReceivedMessage) => unknown): () => void {
    return this.#node.subscribe(filter, onMessage)
  }

  post(message: Message | SealedMessage, options?: Parameters<Waku['post']>[1]): Promise<PostResult> {
    return this.#node.post(message, options)
  }

  peers(): WakuPeer[] {
    return this.#node.peers()
  }

  connect(peer: PeerTarget, options?: Parameters<Waku['connect']>[1]): Promise<void> {
    return this.#node.connect(peer, options)
  }

  watchPeers(onChange: () => void): () => void {
    return this.#node.watchPeers(onChange)
  }

  beforeStart(): Promise<void> {
    return this.#node.beforeStart()
  }

  async start(): Promise<void> {
    this.#node.start()
    await this.#packets.start()
  }

  async beforeStop(): Promise<void> {
    await this.#packets.beforeStop()
    await this.#node.beforeStop()
  }

  stop(): void {
    this.#packets.stop()
    this.#node.stop()
  }
}
