import '../../src/base/polyfill.js'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { generateKeyPair } from '@libp2p/crypto/keys'
import { type Multiaddr, multiaddr } from '@multiformats/multiaddr'
import { MemoryDatastore } from 'datastore-core'
import { keyFromPassword, mailclient, waku } from '../../src/index.js'
import { useQuickKeccak } from '../../src/node/crypto/quick-keccak.js'
import { createPeerNode, startPeerNode } from '../../src/node/peer/peer-node.js'
import { PASSWORD } from './history-protocol.js'
import { type Line, percentiles, print } from './report.js'
import { ServerProcess } from './server-process.js'

const ROUNDS = 20
const PAGE = 1000

interface Times {
  dial: number[]
  page: number[]
}

const median = (values: number[]): number => values.toSorted((a, b) => a - b)[Math.floor(values.length / 2)] as number

/** A client that was away: a new connection and its first page, over TCP and over WebSocket in turns. */
export async function firstPageBench(count: number): Promise<Line[]> {
  await useQuickKeccak()
  const directory = await mkdtemp(join(tmpdir(), 'waku-bench-'))
  const server = new ServerProcess('./history-server.js', [directory, String(count)])
  try {
    const { addresses } = await server.answer<{ addresses: string[] }>('ready')
    const requestKey = await keyFromPassword(PASSWORD)
    const times: Record<'tcp' | 'ws', Times> = { tcp: { dial: [], page: [] }, ws: { dial: [], page: [] } }
    for (let round = 0; round < ROUNDS; round++) {
      for (const address of addresses.map(address => multiaddr(address))) {
        const over = times[address.toString().includes('/ws') ? 'ws' : 'tcp']
        const { dial, page } = await visit(address, requestKey)
        over.dial.push(dial)
        over.page.push(page)
      }
    }
    await server.answer<string>('stop')
    const { tcp, ws } = times
    const ratio = (which: keyof Times): string => (median(ws[which]) / median(tcp[which])).toFixed(2)
    return [
      ['visits', `${ROUNDS} over each, in turns; each a new client and a page of ${PAGE} envelopes`],
      ['connection over TCP', percentiles(tcp.dial)],
      ['connection over WebSocket', `${percentiles(ws.dial)}, ${ratio('dial')} x`],
      ['first page over TCP', percentiles(tcp.page)],
      ['first page over WebSocket', `${percentiles(ws.page)}, ${ratio('page')} x`]
    ]
  } finally {
    server.kill()
    await rm(directory, { recursive: true, force: true })
  }
}

async function visit(address: Multiaddr, requestKey: Uint8Array): Promise<{ dial: number; page: number }> {
  const client = await createPeerNode({
    privateKey: await generateKeyPair('secp256k1'),
    datastore: new MemoryDatastore(),
    services: { waku: waku(), mailclient: mailclient() }
  })
  await startPeerNode(client as never)
  try {
    const started = performance.now()
    const { remotePeer } = await client.dial(address)
    const connected = performance.now()
    await client.services.mailclient.trust.add(remotePeer)
    const asked = performance.now()
    const query = { server: remotePeer, from: 0, to: 0xffff_ffff, limit: PAGE, requestKey }
    for await (const { envelopes } of client.services.mailclient.history(query))
      if (envelopes.length !== PAGE) throw new Error(`${envelopes.length} envelopes came`)
    return { dial: connected - started, page: performance.now() - asked }
  } finally {
    await client.stop()
  }
}

if (process.argv[1] === fileURLToPath(import.meta.url)) print(await firstPageBench(Number(process.argv[2] ?? 20_000)))
