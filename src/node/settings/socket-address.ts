import { isIP } from 'node:net'
import { ValueError } from './value-error.js'

/** Where connections are accepted. */
export interface SocketAddress {
  /** An IP address, without brackets. */
  readonly host: string
  /** 0 takes a free one. */
  readonly port: number
}

/**
 * Reads `<ip>:<port>`, an IPv6 address in brackets. Throws `ValueError`.
 * @param expected what is said of another text
 */
export function parseSocketAddress(text: string, expected: string): SocketAddress {
  const [, v6, v4, digits] = /^(?:\[([0-9a-f:.]+)\]|([\d.]+)):(\d{1,5})$/i.exec(text.trim()) ?? []
  const host = v6 ?? v4 ?? ''
  const port = Number(digits)
  if (isIP(host) !== (v6 === undefined ? 4 : 6) || !(port <= 65_535)) throw new ValueError(expected, text)
  return { host, port }
}
