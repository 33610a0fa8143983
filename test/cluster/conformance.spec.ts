import { after } from 'node:test'
import { conformance } from '../archive/conformance.js'
import { closeOpened, newKeyspace, oneNode, openArchive } from './archive-of.js'

// A real node; every test has a keyspace of its own there, and opening again means a connection of its own.
const cluster = await oneNode()
after(closeOpened)
after(() => cluster.stop())

await conformance(
  'archive on Cassandra',
  async () => {
    const keyspace = newKeyspace()
    return () => openArchive(cluster, { keyspace })
  },
  { cases: Number(process.env.CASES ?? 400), seeds: [7] }
)
