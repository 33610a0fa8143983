/** Everything that the upstream relay counts. A closed set. */
export const UPSTREAM_RELAY_EVENTS = [
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

export type UpstreamRelayEvent = (typeof UPSTREAM_RELAY_EVENTS)[number]
