import { createHash, createHmac, timingSafeEqual } from 'node:crypto'
import type { IncomingHttpHeaders } from 'node:http'
import { isIP } from 'node:net'

/** Why a request is not answered, for whoever asked: a line that names the remedy. */
export interface Denial {
  status: number
  text: string
}

const TOKEN_IS = 'the token is in the file admin-token of the data dir'

/**
 * Who may ask. The name in `Host` has to be one that no stranger can point at this machine: else a page from elsewhere could
 * have its own name resolve to here (DNS rebinding). A request that a browser sends for another origin is refused, token or not.
 */
export class Gate {
  readonly #token: string
  readonly #hosts: ReadonlySet<string>

  /** @param hosts names that are allowed beside `localhost` and numeric addresses */
  constructor(token: string, hosts: readonly string[]) {
    this.#token = token
    this.#hosts = new Set(['localhost', ...hosts])
  }

  /** For every request, also one that needs no token. */
  denies(headers: IncomingHttpHeaders): Denial | undefined {
    const { host = '', origin } = headers
    const name = nameOf(host)
    if (name === undefined || !(isIP(name) !== 0 || this.#hosts.has(name))) {
      const remedy = 'ask by a numeric address or as localhost, or start the node with --admin-host <name>'
      return { status: 421, text: `this host name is not known here: ${remedy}` }
    }
    const site = headers['sec-fetch-site']
    const foreign = site !== undefined && site !== 'same-origin' && site !== 'none'
    if (foreign || (origin !== undefined && origin !== `http://${host}` && origin !== `https://${host}`)) {
      return { status: 403, text: 'refused: the request comes from a page of another origin; open the address itself' }
    }
    return undefined
  }

  /** Whether a request carries the token, or the cookie that was given for it. */
  knows(headers: IncomingHttpHeaders): Denial | undefined {
    const { authorization, cookie = '' } = headers
    if (authorization !== undefined) {
      const token = /^Bearer +(\S+)$/i.exec(authorization)?.[1]
      if (token !== undefined && this.isToken(token)) return undefined
      return { status: 401, text: `wrong token: ${TOKEN_IS}; send it as "Authorization: Bearer <token>"` }
    }
    const values = cookie.split(';').map(part => part.trim().split('='))
    if (values.some(([name, value = '']) => name === COOKIE && same(value, this.pass))) return undefined
    return {
      status: 401,
      text: `a token is needed: ${TOKEN_IS}; paste it here, or send it as "Authorization: Bearer <token>"`
    }
  }

  isToken(text: string): boolean {
    return same(text, this.#token)
  }

  /** What a browser keeps instead of the token: other programs on this machine may see cookies. */
  get pass(): string {
    return createHmac('sha256', this.#token).update('page').digest('base64url')
  }
}

/** Cookies are shared by all ports of a host, so nodes beside each other would take turns; each then asks for its token again. */
export const COOKIE = 'waku-mailserver-admin'

/** Compares in a time that says nothing of either. */
function same(a: string, b: string): boolean {
  const [x, y] = [a, b].map(text => createHash('sha256').update(text).digest())
  return timingSafeEqual(x as Buffer, y as Buffer)
}

/** `[::1]:80` is `::1`. */
function nameOf(host: string): string | undefined {
  const [, v6, name] = /^(?:\[([0-9a-f:.]+)\]|([a-z0-9._-]+))(?::\d{1,5})?$/i.exec(host) ?? []
  return v6 ?? name?.toLowerCase()
}
