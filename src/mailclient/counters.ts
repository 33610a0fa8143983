/** Everything the client counts. A closed set. */
export const MAIL_CLIENT_EVENTS = [
  'requests',
  'requests_retried',
  'requests_refused',
  'requests_expired',
  'pages',
  'envelopes',
  'envelopes_foreign',
  'envelopes_damaged',
  'envelopes_beside',
  'bytes',
  'packets_untrusted',
  'packets_unknown',
  'completions_foreign',
  'completions_late',
  'servers_misbehaved',
  'budgets_exhausted',
  'push_packets',
  'push_envelopes',
  'push_malformed'
] as const

export type MailClientEvent = (typeof MAIL_CLIENT_EVENTS)[number]
