import { once } from 'node:events'
import { createServer, type Server } from 'node:net'

/** A port that is free on all of these addresses. */
export async function freePort(addresses: readonly string[]): Promise<number> {
  for (let attempt = 0; attempt < 50; attempt++) {
    const servers: Server[] = []
    try {
      let port = 0
      for (const address of addresses) {
        const server = createServer().listen(port, address)
        servers.push(server)
        await once(server, 'listening')
        port = (server.address() as { port: number }).port
      }
      return port
    } catch {
      // taken on another address: once more
    } finally {
      await Promise.all(servers.map(server => new Promise(resolve => server.close(resolve))))
    }
  }
  throw new Error(`no port is free on ${addresses.join(', ')}`)
}
