import { noise } from '@chainsafe/libp2p-noise'
import type { Connection } from '@libp2p/interface'
import { tcp } from '@libp2p/tcp'
import { yamux } from '@libp2p/yamux'
import { multiaddr } from '@multiformats/multiaddr'
import { createLibp2p } from 'libp2p'

/** A connection of a new identity from a loopback address of its own. */
export async function connectFrom(localAddress: string, server: string): Promise<Connection> {
  const peer = await createLibp2p({
    transports: [tcp({ dialOpts: { localAddress } as object })],
    connectionEncrypters: [noise()],
    streamMuxers: [yamux()]
  })
  return await peer.dial(multiaddr(server))
}
