import { readdir, stat } from 'node:fs/promises'
import { join } from 'node:path'
import { CassandraArchive } from '../../src/archive/cassandra/cassandra-archive.js'
import { TURN } from '../../src/archive/cassandra/cassandra-writer.js'
import { useQuickKeccak } from '../../src/node/crypto/quick-keccak.js'
import { Prng } from '../../test/archive/prng.js'
import { Traffic } from '../../test/archive/traffic.js'
import { Cluster } from '../cluster/cluster.js'
import { type Line, percentiles, toldAtOnce } from './report.js'

const KEYSPACE = 'bench'
/** Turns of a single envelope, and those before that warm the nodes up. */
const SINGLE = 100
const WARM = 30

/**
 * Three nodes of Cassandra on this machine, every envelope on each: how many turns fit a second, which is what bounds ingest however
 * many nodes there are, and the room that an envelope takes on a node.
 */
export async function cassandraBench(count: number): Promise<Line[]> {
  await useQuickKeccak()
  const { lines, add } = toldAtOnce()
  const cluster = await Cluster.start({ nodes: 3 })
  const opened: CassandraArchive[] = []
  const open = async (daemon: string): Promise<CassandraArchive> => {
    const archive = await CassandraArchive.open({ contactPoints: cluster.contactPoints, keyspace: KEYSPACE, daemon })
    opened.push(archive)
    return archive
  }
  try {
    const [one, other] = [await open('one'), await open('other')]
    const traffic = new Traffic(new Prng(1), { count, days: 1 })
    const all = [...traffic.batches(TURN)].flat()
    const take = (number: number) => all.splice(0, number)
    for (const envelope of take(WARM)) await one.append([envelope])

    const times: number[] = []
    for (const envelope of take(SINGLE)) times.push(await timed(() => one.append([envelope])))
    const seconds = times.reduce((sum, time) => sum + time, 0) / 1000
    add('turns of one envelope', `${(SINGLE / seconds).toFixed(0)}/s, ${percentiles(times)}`)

    const half = take(SINGLE)
    const both = await timed(() =>
      Promise.all(
        [one, other].map(async (archive, i) => {
          for (const envelope of half.filter((_, n) => n % 2 === i)) await archive.append([envelope])
        })
      )
    )
    add('the same, of two daemons together', `${((SINGLE / both) * 1000).toFixed(0)}/s`)

    const batches: number[] = []
    const rest = all.length
    while (all.length > 0) {
      const batch = take(TURN)
      batches.push(await timed(() => one.append(batch)))
    }
    const sum = batches.reduce((sum, time) => sum + time, 0) / 1000
    add(`turns of ${TURN}`, `${(rest / sum).toFixed(0)} envelopes/s, ${percentiles(batches)}`)

    const { envelopes, bytes } = await one.stats()
    await cluster.node(0).nodetool('flush', KEYSPACE)
    await cluster.node(0).nodetool('compact', KEYSPACE)
    const folder = join(cluster.node(0).folder, 'data', KEYSPACE)
    const tables = await Promise.all(
      (await readdir(folder)).map(
        async name => [name.split('-')[0] as string, await bytesIn(join(folder, name))] as const
      )
    )
    const total = tables.reduce((sum, [, size]) => sum + size, 0)
    const perEnvelope = (size: number): string => (size / envelopes).toFixed(0)
    const large = tables.filter(([, size]) => size / envelopes >= 1).sort((a, b) => b[1] - a[1])
    add(
      'room of an envelope on each of three nodes',
      `${perEnvelope(total)} B, of which it is itself ${perEnvelope(bytes)} B (${large.map(([name, size]) => `${name} ${perEnvelope(size)}`).join(', ')})`
    )
    return lines
  } finally {
    await Promise.all(opened.map(archive => archive.close()))
    await cluster.stop()
  }
}

async function timed(work: () => Promise<unknown>): Promise<number> {
  const began = performance.now()
  await work()
  return performance.now() - began
}

async function bytesIn(folder: string): Promise<number> {
  const names = await readdir(folder, { recursive: true })
  const found = await Promise.all(names.map(name => stat(join(folder, name))))
  return found.reduce((sum, file) => sum + (file.isFile() ? file.size : 0), 0)
}
