import type { ArchiveStats } from '../archive/archive.js'
import type { UpstreamRelayEvent } from '../bridge/counters.js'
import type { Devp2pEvent } from '../devp2p/counters.js'
import type { LimitEvent } from '../limits/counts.js'
import type { MailClientEvent } from '../mailclient/counters.js'
import type { MailserverEvent } from '../mailserver/counters.js'
import type { CounterName } from '../waku/counters.js'
import type { Network } from '../waku/packet-channel.js'
import type { CheckName, CheckStatus } from './check.js'

/** Counts by closed names; a part of the node that does not run has none. */
export type Counts<Name extends string> = Partial<Record<Name, number>>

/** What an operator may see of a node at one moment: numbers and closed names, no peer, topic, key or address. */
export interface Snapshot {
  /** Unix seconds. */
  now: number
  started: number
  archive: ArchiveStats
  /** When an envelope was stored last, Unix seconds; absent when none was since the start. */
  lastStored?: number | undefined
  /** Peers with a conversation, by network. */
  peers: Record<Network, number>
  /** libp2p connections. */
  connections: number
  trusted: number
  keys: number
  /** Of the file system of the data dir, bytes; absent where it cannot be told. */
  disk?: { free: number; size: number } | undefined
  memory: { rss: number; heap: number; external: number }
  /** Seconds of the processor since the start. */
  cpu: number
  /** How late the event loop was in the last interval, seconds. */
  loop: { median: number; p99: number; max: number }
  /** What waits for its turn. */
  queues: { messages: number; others: number; pool: number }
  /** Connections of the admin listener. */
  adminConnections: number
  /** What was found last; a check that was not made yet is absent. */
  health: Partial<Record<CheckName, CheckStatus>>
  /** How many canaries came back or did not; when the last one did, Unix seconds, and how long it took. */
  canary: { passed: number; failed: number; lastPassed?: number | undefined; seconds?: number | undefined }
  waku: Counts<CounterName>
  limits: Counts<LimitEvent>
  mailserver: Counts<MailserverEvent>
  mailclient: Counts<MailClientEvent>
  devp2p: Counts<Devp2pEvent>
  upstreamRelay: Counts<UpstreamRelayEvent>
}
