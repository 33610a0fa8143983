// Run by bare.test.ts in a process of its own, in which nothing prepared the ground: two applications of the README's example meet.
import { node as server } from '../examples/embed.js'

const { node: client } = (await import(`${import.meta.resolve('../examples/embed.js')}?client`)) as {
  node: typeof server
}
await client.dial(server.getMultiaddrs())
await client.services.waku.connect(server.peerId)
process.stdout.write(`${client.services.waku.peers().length} peer\n`)
await Promise.all([client.stop(), server.stop()])
