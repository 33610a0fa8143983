import type { Metrics } from '@libp2p/interface'
import { Tally } from '../base/tally.js'

/** Everything the node counts. A closed set: no peer, topic or text ever becomes a label. */
export const COUNTER_NAMES = [
  'sessions_opened',
  'sessions_ready',
  'sessions_failed',
  'handshakes_failed',
  'useless_peers',
  'packets_received',
  'packets_malformed',
  'packets_unknown',
  'p2p_packets_ignored',
  'status_repeated',
  'status_updates',
  'envelopes_received',
  'envelopes_accepted',
  'envelopes_known',
  'envelopes_stored',
  'envelopes_not_stored',
  'envelopes_forwarded',
  'envelopes_posted',
  'refused_malformed',
  'refused_ttl',
  'refused_future',
  'refused_expired',
  'refused_size',
  'refused_pow',
  'refused_interest',
  'refused_by_store',
  'violations',
  'forward_overruns',
  'pool_evictions',
  'memory_evictions',
  'confirmations_sent',
  'confirmations_received',
  'confirmations_unexpected',
  'messages_delivered',
  'subscriber_errors',
  'twins_of_peers',
  'twins_of_own'
] as const

export type CounterName = (typeof COUNTER_NAMES)[number]

/** Counts since the node was made. */
export class Counters extends Tally<CounterName> {
  constructor(metrics?: Metrics | undefined) {
    super(COUNTER_NAMES, { name: 'waku_mailserver_node_events_total', help: 'What the waku node did' }, metrics)
  }
}
