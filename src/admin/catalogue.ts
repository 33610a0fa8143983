import { UPSTREAM_RELAY_EVENTS } from '../bridge/counters.js'
import { DEVP2P_EVENTS } from '../devp2p/counters.js'
import { LIMIT_EVENTS, type LimitEvent } from '../limits/counts.js'
import { MAIL_CLIENT_EVENTS } from '../mailclient/counters.js'
import { REQUEST_OUTCOMES } from '../mailserver/answered-request.js'
import { DIALECTS } from '../wire/request/dialect.js'
import { CHECKS, type CheckStatus } from './check.js'
import { counter, counters, gauge, gauges, histogram, type Labels, type Metric, renamed, told } from './metric.js'
import type { Snapshot } from './snapshot.js'

export const NETWORKS = ['libp2p', 'devp2p'] as const
/** `none`: what was sent is no request whose form could be told. */
export const DIALECT_LABELS = [...Object.keys(DIALECTS), 'none']

const LATENCY = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60]
const SIZES = [1, 10, 50, 100, 250, 500, 1000, 5000]

const JUDGED = {
  accepted: 'envelopes_accepted',
  known: 'envelopes_known',
  malformed: 'refused_malformed',
  ttl: 'refused_ttl',
  future: 'refused_future',
  expired: 'refused_expired',
  size: 'refused_size',
  pow: 'refused_pow',
  interest: 'refused_interest',
  not_kept: 'refused_by_store'
} as const
const STORED = { stored: 'envelopes_stored', failed: 'envelopes_not_stored' } as const
const SESSIONS = {
  opened: 'sessions_opened',
  ready: 'sessions_ready',
  failed: 'sessions_failed',
  handshake_failed: 'handshakes_failed',
  useless: 'useless_peers'
} as const
const PACKETS = {
  received: 'packets_received',
  malformed: 'packets_malformed',
  unknown: 'packets_unknown',
  ignored: 'p2p_packets_ignored'
} as const
const EVICTIONS = { pool: 'pool_evictions', memory: 'memory_evictions', feed: 'forward_overruns' } as const
const TWINS = { peer: 'twins_of_peers', own: 'twins_of_own' } as const
const OUTSIDE = { topics: 'envelopes_outside_topics', retention: 'envelopes_too_old' } as const

/** What was refused, say, by its name without that word. */
function met(effect: string): Record<string, LimitEvent> {
  const events = LIMIT_EVENTS.filter(event => event.startsWith(`${effect}_`))
  return Object.fromEntries(events.map(event => [event.slice(effect.length + 1), event]))
}
const REFUSED = met('refused')
const WAITED = met('waited')
const SLOWED = met('slowed')
const EVICTED = met('evicted')

const STATES: Record<CheckStatus, number | undefined> = { failed: 0, warning: 1, ok: 2, unknown: undefined }

/** A set of values for a label, from what they are read from. */
const values = (label: string, from: object): Labels => ({ [label]: Object.keys(from) })

/** The one of requests that is told, by outcome, dialect and network. */
export const REQUESTS = told('requests_total', 'History requests that were answered or given up', {
  outcome: REQUEST_OUTCOMES,
  dialect: DIALECT_LABELS,
  network: NETWORKS
})
export const REQUEST_SECONDS = histogram(
  'request_duration_seconds',
  'From a history request that was read to the completion that left',
  { network: NETWORKS },
  LATENCY
)
export const REQUEST_VISITED = histogram(
  'request_visited_entries',
  'Entries of tables and indexes that the archive read for one page of history',
  { network: NETWORKS },
  [10, 100, 500, 1000, 2500, 5000, 10_000, 50_000, 100_000, 1_000_000]
)
export const APPEND_SECONDS = histogram('append_duration_seconds', 'One append to the archive, synced', {}, LATENCY)
export const APPEND_ENVELOPES = histogram('append_envelopes', 'Envelopes of one append to the archive', {}, SIZES)

/** Every metric of a node, as `/metrics` shows them. */
export const METRICS: readonly Metric[] = [
  // envelopes on their way in and out
  counter('envelopes_received_total', 'Envelopes that peers sent', s => s.waku.envelopes_received),
  counters('envelopes_judged_total', 'Envelopes by what became of them', values('outcome', JUDGED), s =>
    renamed(s.waku, JUDGED)
  ),
  counters(
    'envelopes_stored_total',
    'Accepted envelopes by whether the archive took them',
    values('outcome', STORED),
    s => renamed(s.waku, STORED)
  ),
  counters('envelopes_unarchived_total', 'Envelopes that the archive is not for', values('reason', OUTSIDE), s =>
    renamed(s.mailserver, OUTSIDE)
  ),
  counter('envelopes_forwarded_total', 'Envelopes sent on to peers', s => s.waku.envelopes_forwarded),
  counter('envelopes_posted_total', 'Envelopes of our own', s => s.waku.envelopes_posted),
  gauge(
    'last_stored_age_seconds',
    'Since an envelope other than a canary was stored last, or since the start when none was',
    s => Math.max(0, s.now - (s.lastStored ?? s.started))
  ),
  APPEND_SECONDS,
  APPEND_ENVELOPES,

  // the archive
  gauge('archive_envelopes', 'Envelopes that are stored', s => s.archive.envelopes),
  gauge('archive_bytes', 'Their bytes', s => s.archive.bytes),
  gauge('archive_topics', 'Distinct topics of them', s => s.archive.topics),
  gauge('archive_oldest_timestamp_seconds', 'When the oldest was sent, Unix time', s => s.archive.oldest),
  gauge('archive_newest_timestamp_seconds', 'When the newest was sent, Unix time', s => s.archive.newest),
  counter('archive_ingested_total', 'Envelopes that were ever stored in this archive', s => s.archive.lastSeq),
  gauge('archive_damaged_envelopes', 'Stored envelopes found damaged since the start, at least', s =>
    s.archive.damaged === undefined ? 0 : s.archive.damaged.envelopes
  ),
  gauge('disk_free_bytes', 'Room on the file system of the data dir', s => s.disk?.free),
  gauge('disk_size_bytes', 'Size of that file system', s => s.disk?.size),

  // whether the node does its job
  gauges(
    'health_state',
    'By check: 0 when it fails, 1 when it warns, 2 when all is well; absent while unknown',
    { check: CHECKS },
    s => Object.fromEntries(Object.entries(s.health).map(([name, status]) => [name, STATES[status]]))
  ),
  counters(
    'canaries_total',
    'Envelopes of our own that were sent to be fetched back',
    { outcome: ['passed', 'failed'] },
    s => ({
      passed: s.canary.passed,
      failed: s.canary.failed
    })
  ),
  gauge('canary_passed_timestamp_seconds', 'When one came back last, Unix time', s => s.canary.lastPassed),
  gauge('canary_duration_seconds', 'How long that took, without its time to live', s => s.canary.seconds),

  // history requests
  REQUESTS,
  REQUEST_SECONDS,
  REQUEST_VISITED,
  counter('pages_delivered_total', 'Answers that left whole', s => s.mailserver.pages_delivered),
  counter('delivered_envelopes_total', 'Envelopes in answers', s => s.mailserver.envelopes_delivered),
  counter('delivered_bytes_total', 'Their bytes', s => s.mailserver.bytes_delivered),
  counter(
    'delivered_damaged_total',
    'Envelopes left out of answers since they are damaged',
    s => s.mailserver.envelopes_damaged
  ),
  counters(
    'client_events_total',
    'What this node did as a client of other mailservers',
    { event: MAIL_CLIENT_EVENTS },
    s => s.mailclient
  ),
  counters(
    'upstream_relay_events_total',
    'What became of requests for other mailservers',
    { event: UPSTREAM_RELAY_EVENTS },
    s => s.upstreamRelay
  ),

  // peers
  gauges('peers', 'Peers with a conversation', { network: NETWORKS }, s => s.peers),
  gauge('connections', 'libp2p connections', s => s.connections),
  counters('sessions_total', 'Conversations by how far they came', values('outcome', SESSIONS), s =>
    renamed(s.waku, SESSIONS)
  ),
  counters('packets_total', 'Packets by kind', values('kind', PACKETS), s => renamed(s.waku, PACKETS)),
  counter('violations_total', 'Envelopes that an honest peer would not have sent', s => s.waku.violations),
  counters('twins_total', 'Signs of one identity in two places', values('whose', TWINS), s => renamed(s.waku, TWINS)),
  counters('devp2p_events_total', 'What the devp2p side did', { event: DEVP2P_EVENTS }, s => s.devp2p),
  gauge('trusted_peers', 'Peers on the trust list', s => s.trusted),
  gauge('request_keys', 'Keys that requests are opened with', s => s.keys),

  // bounds
  counters('bounds_refused_total', 'What came to nothing at a bound', values('what', REFUSED), s =>
    renamed(s.limits, REFUSED)
  ),
  counters('bounds_waited_total', 'What had its turn after others', values('for', WAITED), s =>
    renamed(s.limits, WAITED)
  ),
  counters('bounds_slowed_total', 'What was read later for what its peer did before', values('what', SLOWED), s =>
    renamed(s.limits, SLOWED)
  ),
  counters('bounds_evicted_total', 'What gave way after it was let in', values('what', EVICTED), s =>
    renamed(s.limits, EVICTED)
  ),
  counters('evictions_total', 'What gave way since a table was full', values('table', EVICTIONS), s =>
    renamed(s.waku, EVICTIONS)
  ),
  gauges('queue_packets', 'Packets that wait for their turn', { queue: ['messages', 'others', 'pool'] }, s => s.queues),
  gauge('admin_connections', 'Connections of the admin listener', s => s.adminConnections),

  // the process
  gauge('start_timestamp_seconds', 'When the node started, Unix time', s => s.started),
  counter('cpu_seconds_total', 'Processor time, of all threads', s => s.cpu),
  gauges('memory_bytes', 'Memory of the process', { kind: ['rss', 'heap', 'external'] }, s => s.memory),
  gauges(
    'event_loop_delay_seconds',
    'How late the event loop was in the last ten seconds',
    { quantile: ['0.5', '0.99', '1'] },
    ({ loop }: Snapshot) => ({ '0.5': loop.median, '0.99': loop.p99, '1': loop.max })
  )
]
