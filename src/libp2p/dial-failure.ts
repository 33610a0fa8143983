import type { UnreachableReason } from '../waku/errors.js'

/** What a failed dial came to, for a program and for a person. */
export interface DialFailure {
  reason: UnreachableReason
  text: string
}

/** An error of any kind, or the event that a WebSocket rejects with. */
interface Failure {
  name?: string
  message?: string
  code?: unknown
  error?: Failure | undefined
  errors?: Failure[]
  target?: { url?: unknown } | undefined
}

interface Browser {
  isSecureContext?: boolean
  location?: { hostname?: string }
  navigator?: { onLine?: boolean; permissions?: { query(permission: { name: string }): Promise<{ state: string }> } }
}

const CERTIFICATE = /^(CERT_|ERR_TLS_CERT|DEPTH_ZERO_|SELF_SIGNED_|UNABLE_TO_)/
const LOCAL =
  /^(localhost|127\.|10\.|192\.168\.|169\.254\.|172\.(1[6-9]|2\d|3[01])\.|\[::1\]|\[f[cd]|\[fe80:|.*\.(local|localhost)$)/

/** Tells why libp2p could not dial, as far as the browser, or Node, lets it be known. Never rejects. */
export async function dialFailure(cause: unknown): Promise<DialFailure> {
  const failures = flatten(cause as Failure)
  const named = (name: string): boolean => failures.some(failure => failure.name === name)
  if ((globalThis as Browser).isSecureContext === false)
    return {
      reason: 'insecure-page',
      text: 'this page was not loaded over https, nor from localhost: its browser denies it the cryptography to dial'
    }
  if (named('UnsupportedProtocolError')) return { reason: 'no-mailserver', text: 'the peer is no mailserver' }
  if (named('SecurityError'))
    return { reason: 'insecure-page', text: 'a page that was loaded over https may connect to wss: addresses only' }
  if (named('DialDeniedError'))
    return {
      reason: 'refused-address',
      text:
        'the connection gater allows none of its addresses: in a browser ws: and private addresses are refused unless ' +
        'createLibp2p is given connectionGater: { denyDialMultiaddr: () => false }'
    }
  if (named('NoValidAddressesError'))
    return { reason: 'no-address', text: 'no address of it is known, or none that a transport of this node can dial' }
  const certificate = failures.find(({ code }) => typeof code === 'string' && CERTIFICATE.test(code))
  if (certificate !== undefined) return { reason: 'certificate', text: `its certificate: ${certificate.message}` }
  const url = failures.map(({ target }) => target?.url).find(url => typeof url === 'string')
  return url === undefined || certificateWouldTell()
    ? { reason: 'no-answer', text: `no answer: ${lastMessage(failures)}` }
    : await inBrowser(url)
}

async function inBrowser(url: string): Promise<DialFailure> {
  const { navigator, location } = globalThis as Browser
  if (navigator?.onLine === false) return { reason: 'offline', text: 'the browser is offline' }
  // a page of the local network may reach it anyhow
  if (LOCAL.test(new URL(url).hostname) && !LOCAL.test(location?.hostname ?? '')) {
    const state = await permission(navigator)
    if (state !== undefined && state !== 'granted')
      return {
        reason: 'local-network',
        text: `${url}: the page has no permission for devices of the local network (it is "${state}")`
      }
  }
  return {
    reason: 'no-answer',
    text:
      `no answer from ${url}: nothing listens there, the name is unknown, or the certificate is expired, of another name or of ` +
      'an unknown issuer; a browser tells which of them in its console only'
  }
}

/** The permission is new, has had two names, and is unknown to most browsers. */
async function permission(navigator: Browser['navigator']): Promise<string | undefined> {
  for (const name of ['local-network-access', 'local-network', 'loopback-network']) {
    try {
      const answer = await navigator?.permissions?.query({ name })
      if (answer !== undefined) return answer.state
    } catch {
      // a browser that does not know the name refuses it
    }
  }
  return undefined
}

/** Node says what it was; there the text of an event's error is enough. */
function certificateWouldTell(): boolean {
  return (globalThis as { process?: { versions?: { node?: string } } }).process?.versions?.node !== undefined
}

function flatten(failure: Failure | undefined): Failure[] {
  if (failure === undefined || failure === null) return []
  const { errors = [], error } = failure
  return [failure, ...errors.flatMap(flatten), ...flatten(error)]
}

function lastMessage(failures: readonly Failure[]): string {
  return failures.findLast(({ message }) => typeof message === 'string' && message !== '')?.message ?? 'nobody says why'
}
