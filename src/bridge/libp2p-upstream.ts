import type { Libp2p, PeerId } from '@libp2p/interface'
import type { Multiaddr } from '@multiformats/multiaddr'
import { StreamMailLine } from '../libp2p/mail-line.js'
import { MAIL_PROTOCOL } from '../libp2p/mail-protocol.js'
import type { UpstreamInit } from './upstream.js'

/** A mailserver of libp2p as an upstream: each request has a stream of its own. */
export function libp2pUpstream(
  node: Pick<Libp2p, 'dialProtocol'>,
  { peer, address }: { peer: PeerId; address: Multiaddr }
): UpstreamInit {
  return {
    peer,
    network: 'libp2p',
    dial: async ({ signal }) => new StreamMailLine(await node.dialProtocol(address, MAIL_PROTOCOL, { signal }), peer)
  }
}
