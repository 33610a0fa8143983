import { once } from 'node:events'
import { type AddressInfo, connect, createServer, type Socket } from 'node:net'

/** One way, ms. */
const DELAY = 100

export interface LongWay {
  port: number
  /** What a time is in round trips. */
  roundTrips(ms: number): number
  close(): void
}

/** A way to a port of this machine on which all takes a tenth of a second, so that round trips can be counted by time. TCP's own handshake does not take it. */
export async function longWay(port: number): Promise<LongWay> {
  const sockets = new Set<Socket>()
  const server = createServer(near => {
    const far = connect(port, '127.0.0.1')
    for (const [from, to] of [
      [near, far],
      [far, near]
    ] as const) {
      sockets.add(from)
      from.setNoDelay(true)
      from.on('data', data => setTimeout(() => to.write(data), DELAY))
      from.on('error', () => {})
      from.on('close', () => {
        sockets.delete(from)
        setTimeout(() => to.destroy(), DELAY)
      })
    }
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  return {
    port: (server.address() as AddressInfo).port,
    roundTrips: ms => ms / (2 * DELAY),
    close() {
      for (const socket of sockets) socket.destroy()
      server.close()
    }
  }
}
