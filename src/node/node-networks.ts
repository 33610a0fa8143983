import type { PeerId } from '@libp2p/interface'
import { ConfigError } from './settings/config.js'
import type { Devp2pAddress, Libp2pAddress, PeerAddress } from './settings/peer-address.js'
import type { StartConfig } from './settings/start-config.js'

/** The peers of each network among those that were named. */
export function byNetwork(peers: readonly PeerAddress[]): { libp2p: Libp2pAddress[]; devp2p: Devp2pAddress[] } {
  return {
    libp2p: peers.filter(peer => peer.network === 'libp2p'),
    devp2p: peers.filter(peer => peer.network === 'devp2p')
  }
}

/**
 * Settings that contradict each other.
 * @throws ConfigError
 */
export function checkNetworks(config: Pick<StartConfig, 'no-devp2p' | 'devp2p-listen' | 'peer' | 'upstream'>): void {
  if (config['no-devp2p'] !== true) return
  if (config['devp2p-listen'] !== undefined) throw new ConfigError('--no-devp2p and --devp2p-listen exclude each other')
  for (const name of ['peer', 'upstream'] as const) {
    if (byNetwork(config[name] ?? []).devp2p.length === 0) continue
    throw new ConfigError(`--${name}: an enode URL names a devp2p peer, and --no-devp2p says not to speak devp2p`)
  }
}

/** The settings without this node itself: a file that names all nodes may be that of each of them. */
export function withoutSelf(config: StartConfig, self: PeerId, warn: (line: string) => void): StartConfig {
  const others: StartConfig = { ...config }
  for (const name of ['peer', 'upstream'] as const) {
    others[name] = config[name]?.filter(({ peer }) => !peer.equals(self))
    if (others[name]?.length === config[name]?.length) continue
    warn(
      `--${name} names this node itself, which is left out; should it be another machine, then its data dir was copied, and each needs its own`
    )
  }
  return others
}

/** What is allowed, yet hardly meant; a line each. */
export function oddities(config: Pick<StartConfig, 'upstream' | 'forward-for'>): string[] {
  const upstream = config.upstream?.length ?? 0
  const requesters = config['forward-for']?.length ?? 0
  if (upstream > 0 && requesters === 0) return ['--upstream without --forward-for: nothing is passed on']
  if (upstream === 0 && requesters > 0)
    return ['--forward-for without --upstream: there is nowhere to pass requests on to']
  return []
}
