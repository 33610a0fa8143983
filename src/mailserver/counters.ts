/** Everything the service counts. A closed set. */
export const MAILSERVER_EVENTS = [
  'requests',
  'pages_delivered',
  'envelopes_delivered',
  'bytes_delivered',
  'envelopes_damaged',
  'requests_no_envelope',
  'requesters_gone',
  'refused_malformed',
  'refused_undecryptable',
  'refused_pow',
  'refused_signature',
  'refused_range',
  'refused_filter',
  'refused_bloom',
  'refused_topics',
  'refused_cursor',
  'refused_busy',
  'refused_notAllowed',
  'refused_internal',
  'envelopes_appended',
  'envelopes_outside_topics',
  'envelopes_too_old'
] as const

export type MailserverEvent = (typeof MAILSERVER_EVENTS)[number]
