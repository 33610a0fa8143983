import { type AddressInfo, connect, createServer, type Socket } from 'node:net'
import type { Scope } from '../helpers/scope.js'

/** A proxy that ends connections on which nothing moved for a while, as many on the way of a browser do. */
export interface CuttingProxy {
  port: number
  /** Connections that it cut. */
  cut(): number
}

export async function cuttingProxy(t: Scope, { to, idle }: { to: number; idle: number }): Promise<CuttingProxy> {
  let cut = 0
  const open = new Set<Socket>()
  const server = createServer(near => {
    const far = connect(to, '127.0.0.1')
    const end = (): void => {
      near.destroy()
      far.destroy()
    }
    for (const [from, into] of [
      [near, far],
      [far, near]
    ] as const) {
      open.add(from)
      from.on('error', end)
      from.on('close', () => {
        open.delete(from)
        end()
      })
      from.on('data', () => {
        near.setTimeout(idle)
      })
      from.pipe(into)
    }
    near.setTimeout(idle, () => {
      cut++
      end()
    })
  })
  await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve))
  t.after(() => {
    for (const socket of open) socket.destroy()
    server.close()
  })
  return { port: (server.address() as AddressInfo).port, cut: () => cut }
}
