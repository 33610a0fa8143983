import type { Extensions } from './extension.js'

/**
 * The forms of a history request: 8/WAKU-MAIL without and with cursor, with topics; the two orders that deployed
 * clients use; and, on devp2p only, unencrypted ones and payloads without RLP, named for their length.
 */
export type Dialect = 'spec4' | 'spec5' | 'spec6t' | 'sg6' | 'sg7' | PlainDialect | RawDialect
export type PlainDialect = 'plain6' | 'plain7'
export type RawDialect = 'raw8' | 'raw12' | 'raw72' | 'raw76' | 'raw112'

/** A history request as written on the wire: a limit or upper bound of 0 still means "as the server likes". */
export interface HistoryRequest {
  /** Oldest `sent`, Unix seconds, 0..2^32-1. */
  lower: number
  /** Newest `sent`, inclusive, Unix seconds; 0 for now. */
  upper: number
  /** 64 bytes; absent when empty. */
  bloom?: Uint8Array | undefined
  /** 4 bytes each, 1..1000 of them; absent when empty. */
  topics?: Uint8Array[] | undefined
  /** Most envelopes wanted, 0..2^32-1; 0 for the server's default. */
  limit: number
  /** 36 bytes; absent when empty. */
  cursor?: Uint8Array | undefined
  /** Whether the client takes lists of envelopes; only the `sg` forms say so. */
  batch?: boolean | undefined
  extensions?: Extensions | undefined
}

/** Most topics of one request. */
export const MAX_REQUEST_TOPICS = 1000
/** Envelopes of one page, where a server says nothing else. */
export const MAX_LIMIT = 1000
/** How far ahead of a clock a range without an upper bound reaches, in seconds. */
export const RANGE_AHEAD = 60
