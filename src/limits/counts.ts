import type { Metrics } from '@libp2p/interface'
import { Tally } from '../base/tally.js'

/**
 * What peers met, by what happened and to what: *refused* came to nothing, *waited* had its turn after others, *slowed* was read or
 * served later for what it did before, *evicted* gave way after it was let in. A closed set: its names become labels.
 */
export const LIMIT_EVENTS = [
  /** Closed without a byte read: too many of its address, or of all. */
  'refused_socket',
  /** Whoever was agreed with found no place. */
  'refused_connection',
  'refused_stream',
  /** Larger than its code allows. */
  'refused_packet',
  /** As many are under way as may be. */
  'refused_request',
  /** So many were served lately that no other is remembered. */
  'refused_served',
  /** To agree on a connection, for those who are served. */
  'waited_connection',
  'waited_memory',
  /** For a turn of agreeing on keys with whoever connects over devp2p. */
  'waited_handshake',
  /** For a turn of opening what many connections brought at once. */
  'waited_reading',
  /** For a turn of Messages packets. */
  'waited_messages',
  /** For a turn of other packets. */
  'waited_others',
  /** For a turn of looking through the pool. */
  'waited_pool',
  /** For a turn of decryption, of the archive or of sending. */
  'waited_request',
  /** For what it sent in vain. */
  'slowed_packet',
  'slowed_request',
  /** Its address sent in vain, so that it is let in slowly. */
  'slowed_connection',
  /** Opened streams that came to no protocol. */
  'slowed_stream',
  /** It had the pool several times. */
  'slowed_pool',
  'evicted_handshake',
  'evicted_connection',
  /** Too much that it sent was not read yet. */
  'evicted_stream'
] as const

export type LimitEvent = (typeof LIMIT_EVENTS)[number]

/** How often each bound was met since the node was made. */
export class LimitCounts extends Tally<LimitEvent> {
  constructor(metrics?: Metrics | undefined) {
    super(
      LIMIT_EVENTS,
      { name: 'waku_mailserver_bounds_total', help: 'What peers met of the bounds of this node' },
      metrics
    )
  }
}
