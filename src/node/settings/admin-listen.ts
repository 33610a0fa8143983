import { isIP } from 'node:net'
import { ConfigError } from './config.js'
import { parseSocketAddress, type SocketAddress } from './socket-address.js'
import type { StartConfig } from './start-config.js'
import { ValueError } from './value-error.js'

export const ADMIN_LISTEN = 'an address and a port such as 127.0.0.1:30380 or [::1]:30380'
export const DEFAULT_ADMIN_LISTEN: SocketAddress = { host: '127.0.0.1', port: 30380 }
export const ADMIN_HOST = 'a host name without a port, such as mail.example.org'

/** Reads `<ip>:<port>`, an IPv6 address in brackets. Throws `ValueError`. */
export function parseAdminListen(text: string): SocketAddress {
  return parseSocketAddress(text, ADMIN_LISTEN)
}

/** Throws `ValueError`. */
export function parseAdminHost(text: string): string {
  const name = text.trim().toLowerCase()
  if (!/^[a-z0-9_-]+(\.[a-z0-9_-]+)*$/.test(name) || isIP(name) !== 0) throw new ValueError(ADMIN_HOST, text)
  return name
}

/** How the admin listener of a node on these settings listens; undefined without one. Throws `ConfigError`. */
export function adminSettings(
  config: Pick<StartConfig, 'no-admin' | 'admin-listen' | 'admin-host'>
): { listen: SocketAddress; yielding: boolean; hosts: string[] } | undefined {
  const chosen = config['admin-listen']
  if (config['no-admin'] === true) {
    if (chosen !== undefined) throw new ConfigError('--no-admin and --admin-listen exclude each other')
    return undefined
  }
  return {
    listen: chosen ?? DEFAULT_ADMIN_LISTEN,
    yielding: chosen === undefined,
    hosts: config['admin-host'] ?? []
  }
}
