import type { Libp2p } from '@libp2p/interface'
import { defaultLogger } from '@libp2p/logger'
import { libp2pUpstream } from '../../bridge/libp2p-upstream.js'
import type { UpstreamInit } from '../../bridge/upstream.js'
import { UpstreamRelay } from '../../bridge/upstream-relay.js'
import { ConfigError } from '../settings/config.js'
import { isNamed } from '../settings/forward-for.js'
import type { PeerAddress } from '../settings/peer-address.js'
import type { StartConfig } from '../settings/start-config.js'
import type { Devp2pNode } from './devp2p-node.js'

/** Passes requests on to the upstreams of the settings; both networks have to run. */
export function upstreamRelayOf(
  config: Pick<StartConfig, 'upstream' | 'forward-for'>,
  { node, devp2p }: { node: Libp2p; devp2p: Devp2pNode | undefined }
): UpstreamRelay {
  const requesters = config['forward-for'] ?? []
  return new UpstreamRelay({
    upstreams: (config.upstream ?? []).map(peer => upstreamOf(peer, node, devp2p)),
    allows: peer => isNamed(peer, requesters),
    logger: defaultLogger()
  })
}

/** How a mailserver is asked. */
export function upstreamOf(address: PeerAddress, node: Libp2p, devp2p: Devp2pNode | undefined): UpstreamInit {
  if (address.network === 'libp2p') return libp2pUpstream(node, address)
  const { peer, enode } = address
  if (devp2p === undefined) throw new ConfigError('an enode URL names a devp2p peer, and this node speaks libp2p only')
  devp2p.running.addAddress(enode)
  return { peer, network: 'devp2p', dial: options => devp2p.dial(peer, options) }
}
