import '../../src/base/polyfill.js'
import assert from 'node:assert/strict'
import { once } from 'node:events'
import { connect, createServer, type Socket } from 'node:net'
import { type TestContext, test } from 'node:test'
import { noise } from '@chainsafe/libp2p-noise'
import type { Libp2pEvents } from '@libp2p/interface'
import { tcp } from '@libp2p/tcp'
import { yamux } from '@libp2p/yamux'
import { multiaddr } from '@multiformats/multiaddr'
import { createLibp2p, type Libp2p } from 'libp2p'
import { endSilent } from '../../src/libp2p/silent-peers.js'

const EVERY = 50
const PATIENCE = 400

async function node(t: TestContext, muxer: ReturnType<typeof yamux>, listen: string[]): Promise<Libp2p> {
  const made = await createLibp2p({
    addresses: { listen },
    transports: [tcp()],
    connectionEncrypters: [noise()],
    streamMuxers: [muxer],
    connectionMonitor: { enabled: false }
  })
  t.after(() => made.stop())
  return made
}

/** A way to a port that can fall silent without being closed. */
async function way(t: TestContext, port: number): Promise<{ port: number; fallSilent(): void }> {
  const sockets: Socket[] = []
  const server = createServer(near => {
    const far = connect({ host: '127.0.0.1', port })
    for (const socket of [near, far]) socket.on('error', () => {})
    sockets.push(near, far)
    near.pipe(far).pipe(near)
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  t.after(() => {
    for (const socket of sockets) socket.destroy()
    server.close()
  })
  const fallSilent = (): void => {
    for (const socket of sockets) {
      socket.unpipe()
      socket.pause()
    }
  }
  return { port: (server.address() as { port: number }).port, fallSilent }
}

const event = (on: Libp2p, name: keyof Libp2pEvents): Promise<unknown> =>
  new Promise(resolve => on.addEventListener(name, resolve, { once: true }))

test('a peer that falls silent loses its connection, one that answers pings keeps it', async t => {
  let pings = 0
  const counted: typeof yamux = init => () => {
    const factory = yamux(init)()
    const create = factory.createStreamMuxer.bind(factory)
    factory.createStreamMuxer = connection => {
      const made = create(connection) as ReturnType<typeof create> & { ping(): Promise<number> }
      const ping = made.ping.bind(made)
      made.ping = () => ping().finally(() => pings++)
      return made
    }
    return factory
  }
  const muxer = endSilent(counted({ keepAliveInterval: EVERY }), { patience: PATIENCE })
  const server = await node(t, muxer as never, ['/ip4/127.0.0.1/tcp/0'])
  const peer = await node(t, yamux({ enableKeepAlive: false }), [])
  const [address] = server.getMultiaddrs()
  const { port, fallSilent } = await way(t, Number(address?.toString().split('/')[4]))
  await peer.dial(multiaddr(`/ip4/127.0.0.1/tcp/${port}/p2p/${server.peerId}`))
  while (pings < 5) await new Promise(resolve => setTimeout(resolve, EVERY))
  assert.equal(server.getConnections().length, 1)
  const closed = event(server, 'connection:close')
  fallSilent()
  await closed
  assert.equal(server.getConnections().length, 0)
})

test('a peer that is slow to see a ping keeps its connection while anything comes from it', async () => {
  const aborted: Error[] = []
  let answer: (rtt: number) => void = () => {}
  const made = {
    ping: (_: unknown) =>
      new Promise<number>(resolve => {
        answer = resolve
      }),
    onData: (_: unknown) => {}
  }
  const factory = endSilent(() => ({ protocol: 'fake', createStreamMuxer: () => made as never }), { patience: 60 })()
  factory.createStreamMuxer({ abort: (error: Error) => aborted.push(error) } as never)
  const pong = made.ping(undefined)
  // all by one clock: timers that are due at once come in their order
  for (let i = 0; i < 10; i++) {
    await new Promise(resolve => setTimeout(resolve, 30))
    made.onData(new Uint8Array(1))
  }
  assert.equal(aborted.length, 0)
  while (aborted.length === 0) await new Promise(resolve => setTimeout(resolve, 30))
  answer(1)
  assert.equal(await pong, 1)
})
