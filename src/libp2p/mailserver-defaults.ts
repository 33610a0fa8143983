import { noise } from '@chainsafe/libp2p-noise'
import { yamux } from '@libp2p/yamux'
import type { Libp2pOptions } from 'libp2p'
import * as FIGURES from '../limits/figures.js'
import { carefully } from './careful-muxer.js'
import { endSilent } from './silent-peers.js'
import { upgradePlaces } from './upgrade-places.js'

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
            streamOptions: { maxStreamWindowSize: FIGURES.streams.window }
          })
        )
      )
    ],
    // instead of it peers that are gone are found by the muxer's pings
    connectionMonitor: { enabled: false },
    connectionGater: upgradePlaces(),
    connectionManager: {
      inboundConnectionThreshold: FIGURES.connections.rate,
      maxIncomingPendingConnections: FIGURES.connections.pending,
      inboundUpgradeTimeout: FIGURES.connections.upgrade,
      maxConnections: FIGURES.connections.max
    }
  }
}
