import type { Socket } from 'node:net'
import type { TestContext } from 'node:test'
import type { Capability } from '../../src/devp2p/capability.js'
import { NodeKey } from '../../src/devp2p/node-key.js'
import type { RlpxConnection } from '../../src/devp2p/rlpx-connection.js'
import { RlpxHost, type RlpxHostInit } from '../../src/devp2p/rlpx-host.js'
import { Limits } from '../../src/limits/limits.js'

export const WAKU_1: Capability = { name: 'waku', version: 1, length: 128 }
export const WAKU_0: Capability = { name: 'waku', version: 0, length: 128 }
export const SHH_6: Capability = { name: 'shh', version: 6, length: 128 }

export interface TestHost {
  host: RlpxHost
  limits: Limits
  enode: string
  port: number
  /** The next connection that was not asked for yet. */
  connection(): Promise<RlpxConnection>
  /** Sockets that a test opened to it: one that is paused would outlive the host's end. */
  sockets: Set<Socket>
}

/** A host listening on loopback, stopped when the test ends. */
export async function startHost(context: TestContext, init: Partial<RlpxHostInit> = {}): Promise<TestHost> {
  const ready: RlpxConnection[] = []
  const waiting: ((connection: RlpxConnection) => void)[] = []
  const limits = init.limits ?? new Limits({ memory: init.largeMessageMemory })
  const host = new RlpxHost({
    key: new NodeKey(),
    capabilities: [WAKU_1],
    ...init,
    limits,
    onConnection: connection => {
      init.onConnection?.(connection)
      const next = waiting.shift()
      if (next === undefined) ready.push(connection)
      else next(connection)
    }
  })
  const port = await host.listen({ host: '127.0.0.1', port: 0 })
  const sockets = new Set<Socket>()
  context.after(async () => {
    await host.stop()
    for (const socket of sockets) socket.destroy()
  })
  return {
    host,
    limits,
    sockets,
    port,
    enode: host.enode('127.0.0.1') as string,
    connection: () => {
      const next = ready.shift()
      return next === undefined ? new Promise(resolve => waiting.push(resolve)) : Promise.resolve(next)
    }
  }
}

/** Two hosts and the connection between them, seen from both ends. */
export async function startPair(
  context: TestContext,
  ours: Partial<RlpxHostInit> = {},
  theirs: Partial<RlpxHostInit> = {}
): Promise<{ dialler: TestHost; listener: TestHost; out: RlpxConnection; in: RlpxConnection }> {
  const dialler = await startHost(context, ours)
  const listener = await startHost(context, theirs)
  const out = await dialler.host.dial(listener.enode)
  return { dialler, listener, out, in: await listener.connection() }
}
