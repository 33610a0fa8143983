import { delay } from '../../base/delay.js'
import { ArchiveError, ArchiveFormatError } from '../errors.js'
import type { CassandraSession } from './cassandra-session.js'
import { isGone } from './cassandra-trouble.js'

/** Version of the tables. */
export const FORMAT = 1

/**
 * What is written is stamped by the archive (`USING TIMESTAMP`), never by a node's clock. `sent` is Unix seconds, `topic` a signed
 * integer of 32 bits, `day` and `hour` are `sent` divided by their length.
 */
const TABLES: Record<string, string> = {
  // First: it says whose keyspace this is. One row, changed under conditions only.
  waku_archive: `key text PRIMARY KEY, format int, id blob, since bigint, stamp bigint, holder text, done bigint,
    last_seq bigint, envelopes bigint, bytes bigint, topics int, topics_stamp bigint, floors blob`,
  // The envelopes themselves: what clients ask for is one slice of one partition for each topic and day.
  envelope: `topic int, day int, slot int, sent bigint, hash blob, size int, seq bigint, raw blob,
    PRIMARY KEY ((topic, day, slot), sent, hash)`,
  envelope_time: `hour int, nibble tinyint, sent bigint, hash blob, topic int, slot int, size int, seq bigint,
    PRIMARY KEY ((hour, nibble), sent, hash)`,
  envelope_seq: `bucket bigint, seq bigint, sent bigint, hash blob, topic int, slot int, size int, PRIMARY KEY (bucket, seq)`,
  topic_day: `topic int, day int, placed bigint, n bigint, PRIMARY KEY (topic, day)`,
  topic: `shard int, topic int, PRIMARY KEY (shard, topic)`,
  hour: `shard int, hour int, PRIMARY KEY (shard, hour)`,
  intent: `shard int, stamp bigint, change blob, PRIMARY KEY (shard, stamp)`,
  attendance: `shard int, daemon text, since bigint, record blob, PRIMARY KEY (shard, daemon)`
}
// What is behind the last finished change is never read again, whether its deletion is remembered or not.
const OPTIONS: Record<string, string> = { intent: ' WITH gc_grace_seconds = 3600' }

/** How long the nodes for a new keyspace are waited for, and between two looks, ms. */
const PATIENCE = 8000
const PAUSE = 200

export interface SchemaInit {
  keyspace: string
  /** Copies of everything in the data centre. */
  replication: number
  /** Whether it is made where there is none. */
  create: boolean
}

/**
 * Makes the tables where there are none.
 * @throws ArchiveFormatError for a keyspace of another program or a newer version, ArchiveError for a cluster that would lose what was
 * confirmed
 */
export async function openSchema(
  session: CassandraSession,
  { keyspace, replication, create }: SchemaInit
): Promise<void> {
  await checkSync(session)
  const { datacenter } = session
  const upNow = (): number => session.hosts.filter(host => host.datacenter === datacenter).length
  const [found] = await session.run('SELECT replication FROM system_schema.keyspaces WHERE keyspace_name = ?', [
    keyspace
  ])
  if (found === undefined && !create) throw noArchive(keyspace)
  if (found === undefined) {
    // nodes that were started together hear of each other after a while
    const until = performance.now() + PATIENCE
    const quorum = Math.floor(replication / 2) + 1
    while (upNow() < quorum && performance.now() < until) await delay(PAUSE)
    const nodes = upNow()
    if (nodes < quorum)
      throw new ArchiveError(
        `of the ${replication} nodes of Cassandra that keep a copy ${nodes} is up in ${datacenter}: start more, or say with "archive-replication" that fewer copies are enough`
      )
    await session.run(
      `CREATE KEYSPACE IF NOT EXISTS ${keyspace} WITH replication = {'class': 'NetworkTopologyStrategy', '${datacenter}': ${replication}}`,
      [],
      { schema: true, host: session.firstHost }
    )
  } else checkReplication(found.replication as Record<string, string>, { keyspace, replication, datacenter })
  const tables = await session.run('SELECT table_name FROM system_schema.tables WHERE keyspace_name = ?', [keyspace])
  const names = tables.map(row => String(row.table_name))
  if (names.length > 0 && !names.includes('waku_archive'))
    throw new ArchiveFormatError(
      `the keyspace ${keyspace} is of another program (its tables: ${names.slice(0, 5).join(', ')}): name another one`
    )
  if (names.length === 0 && !create) throw noArchive(keyspace)
  const known = names.includes('waku_archive') && (await checkFormat(session, keyspace))
  const whole = known && Object.keys(TABLES).every(name => names.includes(name))
  // where another daemon is about it, all of them once more: each waits until it is there
  for (const [name, columns] of whole ? [] : Object.entries(TABLES))
    await session.run(`CREATE TABLE IF NOT EXISTS ${keyspace}.${name} (${columns})${OPTIONS[name] ?? ''}`, [], {
      schema: true,
      host: session.firstHost
    })
  // also of what another daemon made meanwhile not every node has heard
  const until = performance.now() + PATIENCE
  while (!whole && !(await session.agrees()) && performance.now() < until) await delay(PAUSE)
}

const noArchive = (keyspace: string): ArchiveError =>
  new ArchiveError(`there is no archive in the keyspace ${keyspace} yet: a node begins one when it is started with it`)

/** A node that confirms before its commit log is on disk would lose with its power what it confirmed. */
async function checkSync(session: CassandraSession): Promise<void> {
  for (const host of session.hosts) {
    const query = "SELECT value FROM system_views.settings WHERE name = 'commitlog_sync'"
    const [row] = await session.run(query, [], { host })
    if (row?.value !== 'periodic') continue
    throw new ArchiveError(
      `the node of Cassandra at ${host.address} confirms what is not on disk yet: set "commitlog_sync: batch" (or group) in its cassandra.yaml and restart it, and all others`
    )
  }
}

function checkReplication(
  found: Record<string, string>,
  { keyspace, replication, datacenter }: Omit<SchemaInit, 'create'> & { datacenter: string }
): void {
  const copies = Number(found[datacenter] ?? (found.class?.endsWith('SimpleStrategy') ? found.replication_factor : 0))
  if (copies === replication) return
  throw new ArchiveError(
    `the keyspace ${keyspace} keeps ${copies} copies in ${datacenter}, not ${replication}: ALTER KEYSPACE ${keyspace} WITH replication = {'class': 'NetworkTopologyStrategy', '${datacenter}': ${replication}}, then "nodetool repair" on each node; or say "archive-replication": ${copies}`
  )
}

/** False when another daemon is about to make the table. */
async function checkFormat(session: CassandraSession, keyspace: string): Promise<boolean> {
  const query = `SELECT format FROM ${keyspace}.waku_archive WHERE key = 'archive'`
  const rows = await session.run(query).catch(error => {
    if (isGone(error)) return undefined
    if (!/undefined column|Unknown identifier|Undefined name/i.test(String((error as Error).cause ?? error)))
      throw error
    throw new ArchiveFormatError(`the table waku_archive of ${keyspace} is of another program: name another keyspace`, {
      cause: error
    })
  })
  if (rows === undefined) return false
  const [row] = rows
  if (row === undefined || row.format === FORMAT) return true
  throw new ArchiveFormatError(
    `the archive in ${keyspace} has format ${row.format}, this version knows ${FORMAT}: run the version that wrote it, or a newer one`
  )
}
