import { serviceCapabilities, serviceDependencies } from '@libp2p/interface'
import type { WakuInit } from '../waku/settings.js'
import { type WakuComponents, WakuNode } from '../waku/waku-node.js'
import { PacketProtocol, type PacketProtocolComponents } from './packet-protocol.js'

export type WakuServiceComponents = WakuComponents & PacketProtocolComponents

/** The base node with its packets stream, as a service of a libp2p node. */
export class WakuService extends WakuNode {
  readonly #packets: PacketProtocol

  constructor(components: WakuServiceComponents, init: WakuInit = {}) {
    super(components, init)
    this.#packets = new PacketProtocol(components, () => this)
  }

  readonly [serviceCapabilities] = ['@waku/packets']
  readonly [serviceDependencies] = ['@libp2p/identify']

  override async start(): Promise<void> {
    super.start()
    await this.#packets.start()
  }

  override async beforeStop(): Promise<void> {
    await this.#packets.beforeStop()
    await super.beforeStop()
  }

  override stop(): void {
    this.#packets.stop()
    super.stop()
  }
}
