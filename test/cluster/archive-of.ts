import { randomBytes } from 'node:crypto'
import { Cluster } from '../../scripts/cluster/cluster.js'
import { CassandraArchive, type CassandraArchiveInit } from '../../src/archive/cassandra/cassandra-archive.js'

/** A keyspace of its own. */
export const newKeyspace = (): string => `test_${randomBytes(6).toString('hex')}`

/** One node, or those that CASSANDRA_AT names, such as what `npm run cluster` started: `127.0.0.1:9042`. */
export async function oneNode(): Promise<Pick<Cluster, 'contactPoints' | 'stop'>> {
  const running = process.env.CASSANDRA_AT
  if (running === undefined) return await Cluster.start()
  return { contactPoints: running.split(','), stop: async () => {} }
}

const opened = new Set<CassandraArchive>()

/** A test that failed leaves its archives open, and with them the process. */
export async function closeOpened(): Promise<void> {
  await Promise.all([...opened].map(archive => archive.close()))
}

export async function openArchive(
  { contactPoints }: Pick<Cluster, 'contactPoints'>,
  init: Partial<CassandraArchiveInit> = {}
): Promise<CassandraArchive> {
  const archive = await CassandraArchive.open({
    contactPoints,
    keyspace: newKeyspace(),
    replication: contactPoints.length,
    ...init
  })
  opened.add(archive)
  return archive
}
