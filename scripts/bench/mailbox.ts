import '../../src/base/polyfill.js'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { generateKeyPair } from '@libp2p/crypto/keys'
import { multiaddr } from '@multiformats/multiaddr'
import { MemoryDatastore } from 'datastore-core'
import { mailbox, mailclient, waku } from '../../src/index.js'
import { useQuickKeccak } from '../../src/node/crypto/quick-keccak.js'
import { createPeerNode, startPeerNode } from '../../src/node/peer/peer-node.js'
import { hiddenBench } from './hidden.js'
import { PASSWORD, RAW_PROTOCOL } from './history-protocol.js'
import { longWay } from './long-way.js'
import { CHANNEL_KEY, CHANNELS, LETTERS } from './mailbox-channels.js'
import { type Line, percentiles } from './report.js'
import { ServerProcess } from './server-process.js'

const ROUNDS = 5

interface Ready {
  address: string
  bytes: number
  since: number
}

/**
 * A phone with 30 topics that was away for a week, and its mailbox, beside a plain libp2p stream of the same bytes from the same
 * server: round trips over a way that takes a fifth of a second to and fro, then times without it.
 */
export async function mailboxBench(count: number): Promise<Line[]> {
  await useQuickKeccak()
  const directory = await mkdtemp(join(tmpdir(), 'waku-bench-'))
  const server = new ServerProcess('./mailbox-server.js', [directory, String(count)])
  try {
    const ready = await server.answer<Ready>('ready')
    const [, port = ''] = /tcp\/(\d+)/.exec(ready.address) ?? []
    const way = await longWay(Number(port))
    const lines: Line[] = [
      ['what is fetched', `${LETTERS} messages of 30 topics, ${ready.bytes} bytes, among ${count + LETTERS}`]
    ]
    try {
      const far = { ...ready, address: ready.address.replace(port, String(way.port)) }
      for (const opened of [false, true]) {
        const raw = await rawVisit(far, opened)
        const own = await visit(far, opened)
        const trips = (ms: number): string => way.roundTrips(ms).toFixed(1)
        lines.push(
          [`${nameOf(opened)}: plain stream, round trips`, `first byte ${trips(raw.first)}, all ${trips(raw.all)}`],
          [
            `${nameOf(opened)}: mailbox, round trips`,
            `first message ${trips(own.first)} (${own.requestsThen} of ${own.requests} requests), caught up ${trips(own.all)}`
          ]
        )
      }
    } finally {
      way.close()
    }
    const times: Record<'page' | 'count', number[]> = { page: [], count: [] }
    const rows: Record<'raw' | 'own', { first: number[]; all: number[] }> = {
      raw: { first: [], all: [] },
      own: { first: [], all: [] }
    }
    let last: Visit | undefined
    for (let i = 0; i < ROUNDS; i++) {
      await server.answer<number[]>('times')
      last = await visit(ready, true)
      const [page = 0, counted = 0] = await server.answer<number[]>('times')
      times.page.push(page)
      times.count.push(counted)
      for (const [name, one] of [
        ['raw', await rawVisit(ready, true)],
        ['own', last]
      ] as const) {
        rows[name].first.push(one.first)
        rows[name].all.push(one.all)
      }
    }
    lines.push(
      [`plain stream, ${ROUNDS} times: first byte`, percentiles(rows.raw.first)],
      ['plain stream: all', percentiles(rows.raw.all)],
      ['mailbox, in turns with it: first message', percentiles(rows.own.first)],
      ['mailbox: caught up', percentiles(rows.own.all)],
      ['at the server, from its stream to the first bytes of the first page', percentiles(times.page)],
      ['at the server, from its stream to how many there are', percentiles(times.count)],
      [
        'bytes',
        `${((last?.bytes ?? 0) / ready.bytes).toFixed(3)} x those of the envelopes, in ${last?.requests} requests`
      ]
    )
    await server.answer('stop')
    lines.push(...(await hiddenBench(Math.min(count, 100_000))))
    return lines
  } finally {
    server.kill()
    await rm(directory, { recursive: true, force: true })
  }
}

const nameOf = (opened: boolean): string => (opened ? 'connected' : 'not connected')

async function phoneOf(address: string): Promise<Awaited<ReturnType<typeof aPhone>>> {
  const node = await aPhone(address)
  await startPeerNode(node as never)
  return node
}

const aPhone = async (address: string) =>
  await createPeerNode({
    privateKey: await generateKeyPair('secp256k1'),
    datastore: new MemoryDatastore(),
    services: {
      waku: waku({ light: true }),
      mailclient: mailclient(),
      mailbox: mailbox({ servers: [address], password: PASSWORD })
    }
  })

async function rawVisit({ address, bytes }: Ready, opened: boolean): Promise<{ first: number; all: number }> {
  const node = await createPeerNode({ privateKey: await generateKeyPair('secp256k1'), services: {} })
  await startPeerNode(node as never)
  try {
    if (opened) await node.dial(multiaddr(address))
    const begun = performance.now()
    const stream = await node.dialProtocol(multiaddr(address), RAW_PROTOCOL)
    let first: number | undefined
    let got = 0
    for await (const chunk of stream) {
      first ??= performance.now() - begun
      got += chunk.byteLength
    }
    if (got !== bytes || first === undefined) throw new Error(`the plain stream brought ${got} of ${bytes} bytes`)
    return { first, all: performance.now() - begun }
  } finally {
    await node.stop()
  }
}

interface Visit {
  /** ms */
  first: number
  all: number
  /** When the first message came. */
  requestsThen: number
  requests: number
  bytes: number
}

async function visit({ address, since }: Ready, opened: boolean): Promise<Visit> {
  const node = await phoneOf(address)
  try {
    const { waku: live, mailbox: box, mailclient: client } = node.services
    if (opened) await live.connect(multiaddr(address))
    const begun = performance.now()
    let first: number | undefined
    let requestsThen = 0
    let messages = 0
    for await (const item of box.messages({ topics: CHANNELS, key: CHANNEL_KEY, since })) {
      if (item.type === 'message') {
        messages++
        first ??= performance.now() - begun
        if (messages === 1) requestsThen = client.counts.requests ?? 0
      } else if (item.type === 'caughtUp') break
    }
    const all = performance.now() - begun
    if (messages !== LETTERS || first === undefined) throw new Error(`${messages} of ${LETTERS} messages came`)
    const { requests = 0, bytes = 0 } = client.counts
    return { first, all, requestsThen, requests, bytes }
  } finally {
    await node.stop()
  }
}
