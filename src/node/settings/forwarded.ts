import type { IncomingMessage } from 'node:http'
import { isIP } from 'node:net'
import { ValueError } from './value-error.js'

export const PROXY_ADDRESS = 'the IP address of a proxy such as 127.0.0.1'

/** Reads an IP address. Throws `ValueError`. */
export function parseProxyAddress(text: string): string {
  const address = plain(text)
  if (isIP(address) === 0) throw new ValueError(PROXY_ADDRESS, text)
  return address
}

/**
 * Whom a proxy asks for: the last entry of `X-Forwarded-For`, which it has written itself. Undefined when the request does not
 * come from one of `proxies`, or the entry is no IP address.
 */
export function forwardedFor(
  request: Pick<IncomingMessage, 'headers'> & { socket: { remoteAddress?: string | undefined } },
  proxies: ReadonlySet<string>
): string | undefined {
  const from = request.socket.remoteAddress
  if (from === undefined || !proxies.has(plain(from))) return undefined
  const header = request.headers['x-forwarded-for']
  const last = plain((Array.isArray(header) ? header.join() : (header ?? '')).split(',').at(-1) ?? '')
  return isIP(last) === 0 ? undefined : last
}

/** An IPv4 address that a dual socket shows in IPv6 form is still one. */
function plain(address: string): string {
  const trimmed = address.trim().toLowerCase()
  const [, v4] = /^::ffff:(\d+\.\d+\.\d+\.\d+)$/.exec(trimmed) ?? []
  return v4 ?? trimmed
}
