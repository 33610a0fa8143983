/** Everything that forwarding counts. A closed set. */
export const FORWARDING_EVENTS = [
  'requests_forwarded',
  'answers_complete',
  'answers_refused',
  'envelopes',
  'bytes',
  'peers_not_allowed',
  'loops',
  'requests_unforwardable',
  'requests_busy',
  'budgets_exhausted',
  'requesters_slow',
  'upstreams_unreachable',
  'upstreams_late',
  'upstreams_misbehaved',
  'upstreams_broken',
  'completions_foreign'
] as const

export type ForwardingEvent = (typeof FORWARDING_EVENTS)[number]
