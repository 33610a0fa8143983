import type { Identify } from '@libp2p/identify'
import type { ComponentLogger, Metrics, PrivateKey, Transport } from '@libp2p/interface'
import { type Ping, ping } from '@libp2p/ping'
import type { Datastore } from 'interface-datastore'
import { createLibp2p, type Libp2p, type ServiceFactoryMap } from 'libp2p'
import { mailserverDefaults } from '../../libp2p/mailserver-defaults.js'
import { upgradePlaces } from '../../libp2p/upgrade-places.js'
import { type WakuService, wakuNodeOf } from '../../libp2p/waku-service.js'
import type { LimitEvent } from '../../limits/counts.js'
import * as FIGURES from '../../limits/figures.js'
import type { Limits } from '../../limits/limits.js'
import { Newcomers } from '../../limits/newcomers.js'
import { quickNoise } from '../crypto/quick-noise.js'
import { useQuickSecp256k1 } from '../crypto/quick-secp256k1.js'
import { sharePlaces } from './connection-places.js'
import { corkedTcp } from './corked-tcp.js'
import { limitedIdentify } from './limited-identify.js'
import { oneByOne } from './newcomer-gate.js'
import { slowForNoisy } from './noisy-gate.js'
import { quietLogger } from './quiet-logger.js'
import { Relays } from './relays.js'
import { chargeStrange } from './strange-streams.js'
import { keepLittle } from './thrifty-peer-store.js'
import { WebSockets } from './web-sockets.js'

/** A listening address cannot be had; the message says why and what to do. */
export class ListenError extends Error {
  static override readonly name = 'ListenError'
  override readonly name = 'ListenError'
}

export type BaseServices = { identify: Identify; ping: Ping }

// biome-ignore lint/suspicious/noExplicitAny: each takes other components of libp2p
export type TransportFactory = (components: any) => Transport

export interface PeerNodeInit<S extends Record<string, unknown>> {
  privateKey: PrivateKey
  datastore?: Datastore | undefined
  /** Multiaddrs; none for a peer that only dials. */
  listen?: string[] | undefined
  announce?: string[] | undefined
  /**
   * Connections at a time; inbound ones give way to those of other addresses above three quarters of it.
   *
   * @default 1024
   */
  maxConnections?: number | undefined
  /** @default one without a certificate */
  webSockets?: WebSockets | undefined
  /** @default one that asks for no place */
  relays?: Relays | undefined
  /** Beside TCP, WebSocket and relays. */
  transports?: TransportFactory[] | undefined
  /** @default none */
  metrics?: ((components: { logger: ComponentLogger }) => Metrics) | undefined
  services: ServiceFactoryMap<S>
}

/** A libp2p node as the daemon and the command line use it: TCP, WebSocket and relays, noise, yamux. Not started yet. */
export async function createPeerNode<S extends Record<string, unknown>>(
  init: PeerNodeInit<S>
): Promise<Libp2p<S & BaseServices>> {
  useQuickSecp256k1()
  const defaults = mailserverDefaults()
  const maxConnections = init.maxConnections ?? FIGURES.connections.max
  const limits = (): Limits | undefined => {
    const { waku } = node.services as { waku?: WakuService }
    return waku && wakuNodeOf(waku).limits
  }
  const isNoisy = (address: string): boolean => limits()?.throttle.noisy(address) ?? false
  const count = (event: LimitEvent) => (): void => limits()?.counts.add(event)
  const places = upgradePlaces(undefined, count('refused_socket'))
  const node: Libp2p<S & BaseServices> = await createLibp2p({
    start: false,
    logger: quietLogger(),
    privateKey: init.privateKey,
    ...(init.datastore === undefined ? {} : { datastore: init.datastore }),
    addresses: { listen: init.listen ?? [], announce: init.announce ?? [] },
    transports: [
      corkedTcp(),
      (init.webSockets ?? new WebSockets()).transport,
      (init.relays ?? new Relays()).transport,
      ...(init.transports ?? [])
    ],
    ...defaults,
    // who only dials has few connections, and wants to know soon that one is gone
    connectionMonitor: { enabled: (init.listen ?? []).length === 0 },
    ...(init.metrics === undefined ? {} : { metrics: init.metrics }),
    connectionGater: oneByOne(slowForNoisy(places, isNoisy, { onSlowed: count('slowed_connection') }), {
      entrance: () => {
        const shared = limits()
        return shared && Newcomers.of(shared).entrance
      },
      onRefused: count('refused_socket')
    }),
    connectionEncrypters: [quickNoise()],
    connectionManager: { ...defaults.connectionManager, maxConnections },
    services: { identify: limitedIdentify(), ping: ping(), ...init.services } as ServiceFactoryMap<S & BaseServices>
  })
  chargeStrange(node, limits)
  keepLittle(node.peerStore, node.peerId)
  sharePlaces(node, Math.floor(maxConnections * FIGURES.connections.shared), count('evicted_connection'))
  return node
}

/** Starts it, or stops what was started and says which address was the trouble. Throws `ListenError`. */
export async function startPeerNode(node: Pick<Libp2p, 'start' | 'stop'>): Promise<void> {
  try {
    await node.start()
  } catch (err) {
    await node.stop()
    throw (err as Error).name === 'UnsupportedListenAddressesError' ? explain((err as Error).message) : err
  }
}

function explain(message: string): ListenError {
  const [, address = 'the address', reason = message] = /^\s*(\/\S+): (?:\w+: )?(.*)$/m.exec(message) ?? []
  const other = 'choose another with --listen, such as --listen /ip4/0.0.0.0/tcp/0 for any free port'
  if (reason.includes('EADDRINUSE'))
    return new ListenError(`the port of ${address} is in use by another program: ${other}`)
  if (reason.includes('EADDRNOTAVAIL')) return new ListenError(`this machine does not have the address of ${address}`)
  if (reason.includes('EACCES')) return new ListenError(`this user may not listen on ${address}: ${other}`)
  return new ListenError(`cannot listen on ${address}: ${reason}`)
}
