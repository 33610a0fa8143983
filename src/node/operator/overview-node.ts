import type { Libp2p } from '@libp2p/interface'
import { CANARY_TOPIC, type CanaryResult } from '../../admin/canary-record.js'
import { Overview, type OverviewParts } from '../../admin/overview.js'
import type { Devp2pNode } from '../devp2p/devp2p-node.js'
import { upstreamOf } from '../devp2p/upstream-relay-node.js'
import type { Listening } from '../peer/listening.js'
import type { StartConfig } from '../settings/start-config.js'
import { type CanaryServer, runCanary } from './canary.js'

export interface OverviewNodeInit
  extends Omit<OverviewParts, 'listening' | 'upstreams' | 'probeUpstreams' | 'canaryInterval' | 'sendCanary'> {
  config: StartConfig
  node: Libp2p<{ listening: Listening }>
  devp2p: Devp2pNode | undefined
  /** How many libp2p listeners there should be. */
  listeners: number
  /** Opens requests here. */
  requestKey(): Promise<Uint8Array>
}

/** The overview of a node on these settings. */
export function overviewOf(init: OverviewNodeInit): Overview {
  const { config, node, devp2p, listeners } = init
  const { listening } = node.services
  const upstreams = config.upstream ?? []
  return new Overview({
    ...init,
    listening: () => ({
      libp2p: listening.count >= listeners,
      ...(devp2p === undefined ? {} : { devp2p: devp2p.enode !== null })
    }),
    upstreams: upstreams.length,
    async probeUpstreams(signal) {
      const probe = async (peer: (typeof upstreams)[number]): Promise<void> => {
        const line = await upstreamOf(peer, node, devp2p).dial({ signal })
        await line.close()
      }
      const results = await Promise.allSettled(upstreams.map(probe))
      return results.filter(({ status }) => status === 'fulfilled').length
    },
    canaryInterval: config.canary,
    sendCanary: signal => sendCanary(init, undefined, signal)
  })
}

/** Posts to this node, and fetches from it or from another one. */
export async function sendCanary(
  { config, node, requestKey }: Pick<OverviewNodeInit, 'config' | 'node' | 'requestKey'>,
  through: CanaryServer | undefined,
  signal: AbortSignal
): Promise<CanaryResult> {
  const { local } = node.services.listening
  if (local === undefined) {
    const reason = 'the node has no plain TCP address that a canary could come by: give it one with --listen'
    return { passed: false, at: Math.floor(Date.now() / 1000), reason }
  }
  return await runCanary({
    server: {
      address: { network: 'libp2p', peer: node.peerId, address: local },
      requestKey: await requestKey(),
      requestPow: config['request-pow']
    },
    through,
    topic: config['archive-topics']?.[0]?.topic ?? CANARY_TOPIC,
    signal
  })
}
