import { parseArgs } from 'node:util'
import { Cluster } from './cluster.js'

// Nodes of Cassandra for a person, until Ctrl-C: `npm run cluster -- --nodes 1 --folder ~/cassandra`.
const { values } = parseArgs({
  options: {
    nodes: { type: 'string', default: '3' },
    port: { type: 'string', default: '9042' },
    heap: { type: 'string', default: '512' },
    folder: { type: 'string' }
  }
})
const [nodes, port, heap] = [values.nodes, values.port, values.heap].map(Number) as [number, number, number]
if (![1, 2, 3].includes(nodes) || !(port > 0 && port < 65_536) || !(heap >= 256)) {
  process.stderr.write('--nodes is 1 to 3, --port 1 to 65535, --heap 256 or more\n')
  process.exit(1)
}

const stopped = new Promise<void>(resolve => {
  for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => resolve())
})
process.stdout.write('The jars of Cassandra come from Maven Central; the first time that takes some minutes.\n')
const began = Date.now()
const starting = Cluster.start({
  nodes,
  port,
  heap,
  folder: values.folder,
  onReady: node =>
    process.stdout.write(`${node.address}:${port} is ready after ${Math.round((Date.now() - began) / 1000)} s\n`)
})
const cluster = await starting
process.stdout.write(`waku-mailserver start --archive cassandra://${cluster.contactPoints.join(',')}/waku\n`)
await stopped
await cluster.stop()
process.stdout.write('stopped\n')
