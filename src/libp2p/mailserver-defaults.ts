import { noise } from '@chainsafe/libp2p-noise'
import { yamux } from '@libp2p/yamux'
import type { Libp2pOptions } from 'libp2p'
import { FIGURES } from '../limits/figures.js'
import { carefully } from './careful-muxer.js'
import { endSilent } from './silent-peers.js'
import { upgradePlaces } from './upgrade-places.js'

/** libp2p resets a stream whose unread bytes pass 4 MiB; a paused reader must stay below that. */
const STREAM_WINDOW_BYTES = 2 * 1024 * 1024
/** Many clients may come from behind one address; libp2p takes 5. The services count per peer. */
const NEW_CONNECTIONS_PER_SECOND = 100
/** More than four addresses can have open: so many a second of each, for as long as an upgrade may take. */
const PENDING_CONNECTIONS = 2048
const UPGRADE_TIMEOUT = 5_000
/** Connections at a time. */
export const MAX_CONNECTIONS = 1024

/** The options of libp2p that `mailserverDefaults` sets. */
export type MailserverPreset = Required<
  Pick<
    Libp2pOptions,
    'connectionEncrypters' | 'streamMuxers' | 'connectionGater' | 'connectionManager' | 'connectionMonitor'
  >
>

/**
 * What the daemon sets of libp2p's own options, for a node that serves others: noise and yamux with windows that suit large
 * answers, room for many clients of one address, places for connections that are not agreed yet, and an end of those whose peer is gone. To be spread into the
 * options of `createLibp2p`; transports, addresses and services are the application's. What it changes of
 * `connectionManager` or `connectionGater` it takes from here too.
 */
export function mailserverDefaults(): MailserverPreset {
  return {
    connectionEncrypters: [noise()],
    streamMuxers: [
      endSilent(
        carefully(
          yamux({
            maxInboundStreams: FIGURES.libp2p.streams,
            streamOptions: { maxStreamWindowSize: STREAM_WINDOW_BYTES }
          })
        )
      )
    ],
    // instead of it peers that are gone are found by the muxer's pings
    connectionMonitor: { enabled: false },
    connectionGater: upgradePlaces(),
    connectionManager: {
      inboundConnectionThreshold: NEW_CONNECTIONS_PER_SECOND,
      maxIncomingPendingConnections: PENDING_CONNECTIONS,
      inboundUpgradeTimeout: UPGRADE_TIMEOUT,
      maxConnections: MAX_CONNECTIONS
    }
  }
}
