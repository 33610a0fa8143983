import { noise } from '@chainsafe/libp2p-noise'
import { type Identify, identify } from '@libp2p/identify'
import type { PrivateKey } from '@libp2p/interface'
import { type Ping, ping } from '@libp2p/ping'
import { tcp } from '@libp2p/tcp'
import { yamux } from '@libp2p/yamux'
import type { Datastore } from 'interface-datastore'
import { createLibp2p, type Libp2p, type ServiceFactoryMap } from 'libp2p'
import { keepFirstBytes } from '../libp2p/first-bytes.js'
import { sharePlaces } from './connection-places.js'
import { Relays } from './relays.js'
import { upgradePlaces } from './upgrade-places.js'
import { WebSockets } from './web-sockets.js'

/** A listening address cannot be had; the message says why and what to do. */
export class ListenError extends Error {
  static override readonly name = 'ListenError'
  override readonly name = 'ListenError'
}

export type BaseServices = { identify: Identify; ping: Ping }

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
  services: ServiceFactoryMap<S>
}

/** libp2p resets a stream whose unread bytes pass 4 MiB; a paused reader must stay below that. */
const STREAM_WINDOW_BYTES = 2 * 1024 * 1024
/** Many clients may come from behind one address; the services count per peer. */
const NEW_CONNECTIONS_PER_SECOND = 100
/** More than four addresses can have open: so many a second of each, for as long as an upgrade may take. */
const PENDING_CONNECTIONS = 2048
const UPGRADE_TIMEOUT = 5_000
const MAX_CONNECTIONS = 1024
/** From here on connections give way; the rest is for those that come meanwhile. */
const SHARED = 0.75

/** A libp2p node as the daemon and the command line use it: TCP, WebSocket and relays, noise, yamux. Not started yet. */
export async function createPeerNode<S extends Record<string, unknown>>(
  init: PeerNodeInit<S>
): Promise<Libp2p<S & BaseServices>> {
  const maxConnections = init.maxConnections ?? MAX_CONNECTIONS
  const node: Libp2p<S & BaseServices> = await createLibp2p({
    start: false,
    privateKey: init.privateKey,
    ...(init.datastore === undefined ? {} : { datastore: init.datastore }),
    addresses: { listen: init.listen ?? [], announce: init.announce ?? [] },
    transports: [tcp(), (init.webSockets ?? new WebSockets()).transport, (init.relays ?? new Relays()).transport],
    connectionEncrypters: [noise()],
    streamMuxers: [keepFirstBytes(yamux({ streamOptions: { maxStreamWindowSize: STREAM_WINDOW_BYTES } }))],
    connectionGater: upgradePlaces(),
    connectionManager: {
      inboundConnectionThreshold: NEW_CONNECTIONS_PER_SECOND,
      maxIncomingPendingConnections: PENDING_CONNECTIONS,
      inboundUpgradeTimeout: UPGRADE_TIMEOUT,
      maxConnections
    },
    services: { identify: identify(), ping: ping(), ...init.services } as ServiceFactoryMap<S & BaseServices>
  })
  sharePlaces(node, Math.floor(maxConnections * SHARED))
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
