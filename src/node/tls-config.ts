import type { Multiaddr } from '@multiformats/multiaddr'
import type { CertificateFiles } from './certificate.js'
import { ConfigError } from './config.js'
import type { StartConfig } from './start-config.js'

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

function isSecure(address: Multiaddr): boolean {
  return address.getComponents().some(({ name }) => name === 'tls' || name === 'wss')
}
