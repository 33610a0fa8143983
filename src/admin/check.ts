/** What is looked at, in the order in which it is shown. A closed set. */
export const CHECKS = [
  'archive_reads',
  'archive_writes',
  'damage',
  'disk',
  'listeners',
  'upstreams',
  'clock',
  'canary'
] as const

export type CheckName = (typeof CHECKS)[number]

/** `failed`: the node does not do its job. `warning`: it does, and the operator should look. */
export type CheckStatus = 'ok' | 'warning' | 'failed' | 'unknown'

export interface CheckResult {
  status: CheckStatus
  /** Why, in a line without names of topics, peers or addresses. */
  reason: string
}

export interface NamedCheck extends CheckResult {
  name: CheckName
}

export type Check = (signal: AbortSignal) => Promise<CheckResult>

export const ok = (reason: string): CheckResult => ({ status: 'ok', reason })
export const warning = (reason: string): CheckResult => ({ status: 'warning', reason })
export const failed = (reason: string): CheckResult => ({ status: 'failed', reason })
export const unknown = (reason: string): CheckResult => ({ status: 'unknown', reason })
