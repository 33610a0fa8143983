import type { Dialect } from './history-request.js'
import type { LimitRule } from './settled-request.js'

/** What distinguishes the forms of a history request; protocols/devp2p.md shows the same as a table with bytes. */
export interface DialectTraits {
  /** Whether the request is an encrypted envelope, or lies open in the packet itself. */
  readonly sealed: boolean
  /** Whether the form has a place for exact topics; otherwise a bloom filter has to cover them. */
  readonly topics: boolean
  /** Whether the form has a place for a cursor. */
  readonly cursor: boolean
  /**
   * What becomes of a limit above the server's: taken as the server's, refused as deployed servers do, or there is
   * none, since the form can neither name one nor be continued: everything is sent.
   */
  readonly limit: LimitRule
  /** How the completion is written on devp2p. On libp2p it is always a list. */
  readonly completion: 'list' | 'string'
  /** Whether servers exist that answer this form without any completion, so that only silence ends it. */
  readonly silentEnd: boolean
}

const SPEC = {
  sealed: true,
  topics: false,
  cursor: true,
  limit: 'clamp',
  completion: 'list',
  silentEnd: false
} as const
const SG = {
  sealed: true,
  topics: false,
  cursor: true,
  limit: 'refuse',
  completion: 'string',
  silentEnd: false
} as const
const RAW = {
  sealed: true,
  topics: false,
  cursor: false,
  limit: 'stream',
  completion: 'string',
  silentEnd: true
} as const

/** Every form that is understood on one of the networks. */
export const DIALECTS: Readonly<Record<Dialect, DialectTraits>> = {
  spec4: { ...SPEC, cursor: false },
  spec5: SPEC,
  spec6t: { ...SPEC, topics: true },
  sg6: SG,
  sg7: { ...SG, topics: true },
  plain6: { ...SG, sealed: false },
  plain7: { ...SG, sealed: false, topics: true },
  raw8: RAW,
  raw12: { ...RAW, topics: true },
  raw72: RAW,
  raw76: { ...RAW, limit: 'clamp', silentEnd: false },
  raw112: { ...RAW, limit: 'clamp', cursor: true, silentEnd: false }
}

export type Capability = 'waku/1' | 'waku/0' | 'shh/6'

/**
 * How the envelopes of an answer are packed into 0x7f bodies:
 * a list; a list for each envelope; the bare envelope; a list, but the bare envelope when there is exactly one.
 */
export type P2PForm = 'list' | 'lists-of-one' | 'bare' | 'list-or-bare'

/**
 * The form of 0x7f for a requester. Waku peers read lists only. Among Whisper peers those whose Status ends with the
 * light flag or before (`short`: go-ethereum, nim) read bare envelopes only; the others both, and they send as written here.
 * @param batch what the request says; where a form cannot say it, lists are taken
 */
export function p2pForm(
  capability: Capability,
  options: { dialect?: Dialect | undefined; batch?: boolean | undefined; short?: boolean | undefined } = {}
): P2PForm {
  const { dialect, batch = true, short = false } = options
  if (capability !== 'shh/6') return batch ? 'list' : 'lists-of-one'
  // whatever it asked with: a list ends the connection
  if (short || !batch || dialect?.startsWith('raw') === true) return 'bare'
  return dialect?.startsWith('spec') === true ? 'list' : 'list-or-bare'
}
