import type { Network } from '../waku/packet-channel.js'
import { checkNames } from '../wire/checks.js'
import { MailserverInitError } from './errors.js'

/** Whose signature a request needs: nobody's, anybody's, or that of the peer that it came from. */
export type SignatureRule = 'none' | 'any' | 'peer'

/** What is asked of the envelope of a request; each network has its own. */
export interface RequestPolicy {
  /**
   * Least proof of work, computed with a TTL of at least 1.
   *
   * @default 0.002
   */
  pow: number
  /** @default 'none' */
  signature: SignatureRule
  /**
   * Whether the request must be of now (dated at most 10 s ahead, expired for at most 10 s, TTL at most 300 s) and is
   * served only once. Deployed devp2p clients send neither, so there it is ignored.
   *
   * @default true on libp2p, false on devp2p
   */
  fresh: boolean
}

/** What of a policy is set; the rest is its default. */
export type RequestPolicyInit = { [K in keyof RequestPolicy]?: RequestPolicy[K] | undefined }

const DEFAULT_REQUEST_POW = 0.002

/** @throws {MailserverInitError} */
export function settlePolicies(
  init: Partial<Record<Network, RequestPolicyInit | undefined>>
): Record<Network, RequestPolicy> {
  checkNames(init, 'policies', 'libp2p devp2p', MailserverInitError)
  const defaults = { pow: DEFAULT_REQUEST_POW, signature: 'none' as const }
  const policies: Record<Network, RequestPolicy> = {
    libp2p: { ...defaults, fresh: true, ...given(init.libp2p) },
    devp2p: { ...defaults, fresh: false, ...given(init.devp2p) }
  }
  for (const { pow, signature } of Object.values(policies)) {
    if (!Number.isFinite(pow) || pow < 0) throw new MailserverInitError('a proof of work is a number of 0 or more')
    if (!['none', 'any', 'peer'].includes(signature)) {
      throw new MailserverInitError("a signature rule is 'none', 'any' or 'peer'")
    }
  }
  return policies
}

function given(options: RequestPolicyInit = {}): Partial<RequestPolicy> {
  checkNames(options, 'a policy', 'pow signature fresh', MailserverInitError)
  return Object.fromEntries(Object.entries(options).filter(([, value]) => value !== undefined))
}
