/** Everything the service counts beside what the services above it count. A closed set. */
export const DEVP2P_EVENTS = [
  'connections',
  'requests',
  'requests_unserved',
  'packets_oversized',
  'packets_malformed',
  'exchanges',
  'exchanges_drained',
  'exchanges_undrained',
  'answers_unasked',
  'answers_drained'
] as const

export type Devp2pEvent = (typeof DEVP2P_EVENTS)[number]
