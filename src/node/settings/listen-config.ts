import type { Multiaddr } from '@multiformats/multiaddr'
import type { CertificateFiles } from '../peer/certificate.js'
import { ConfigError } from './config.js'
import { listenAddresses, type StartConfig } from './start-config.js'

/**
 * Where a node listens by itself, and the relays that it asks for a place.
 * @throws ConfigError
 */
export function listenPlaces(config: Pick<StartConfig, 'listen'>): { own: string[]; relayed: Multiaddr[] } {
  const relayed = (config.listen ?? []).filter(isRelayed)
  const own = listenAddresses(config).filter(address => !relayed.some(each => each.toString() === address))
  return { own, relayed }
}

/**
 * Whether to load what WebRTC-direct needs.
 * @throws ConfigError when an address and the flag contradict each other
 */
export function wantsWebRtc(config: Pick<StartConfig, 'listen' | 'announce' | 'webrtc-direct'>): boolean {
  const address = [...(config.listen ?? []), ...(config.announce ?? [])].find(isWebRtc)
  if (config['webrtc-direct'] === true) {
    if (config.listen?.some(isWebRtc) === true) return true
    throw new ConfigError('--webrtc-direct is for an address such as --listen /ip4/0.0.0.0/udp/30305/webrtc-direct')
  }
  if (address === undefined) return false
  throw new ConfigError(
    `${address} needs the flag --webrtc-direct: there is only the first version of WebRTC-direct, which browsers are about to ` +
      'break; /ip4/…/tcp/…/tls/ws is what lasts'
  )
}

/**
 * The files that WebSocket addresses with TLS need; undefined without such an address.
 * @throws ConfigError
 */
export function certificateFiles(
  config: Pick<StartConfig, 'listen' | 'tls-cert' | 'tls-key'>
): CertificateFiles | undefined {
  const { listen = [], 'tls-cert': cert, 'tls-key': key } = config
  const secure = listen.find(isSecure)
  if (secure === undefined) {
    if (cert === undefined && key === undefined) return undefined
    throw new ConfigError('--tls-cert and --tls-key are for an address such as --listen /ip4/0.0.0.0/tcp/443/tls/ws')
  }
  if (cert !== undefined && key !== undefined) return { cert, key }
  throw new ConfigError(`--listen ${secure} needs --tls-cert and --tls-key`)
}

function isRelayed(address: Multiaddr): boolean {
  const components = address.getComponents()
  if (!components.some(({ name }) => name === 'p2p-circuit')) return false
  const [relay, circuit] = components.slice(-2)
  if (relay?.name === 'p2p' && circuit?.name === 'p2p-circuit') return true
  throw new ConfigError(`--listen ${address}: name the relay, such as /ip4/192.0.2.1/tcp/4001/p2p/12D3Koo…/p2p-circuit`)
}

function isWebRtc(address: Multiaddr): boolean {
  return address.getComponents().some(({ name }) => name === 'webrtc-direct')
}

function isSecure(address: Multiaddr): boolean {
  return address.getComponents().some(({ name }) => name === 'tls' || name === 'wss')
}
