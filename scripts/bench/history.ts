import '../../src/base/polyfill.js'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { generateKeyPair } from '@libp2p/crypto/keys'
import { defaultLogger } from '@libp2p/logger'
import { multiaddr } from '@multiformats/multiaddr'
import { MemoryDatastore } from 'datastore-core'
import { type HistoryQuery, keyFromPassword, mailclient, waku } from '../../src/index.js'
import { libp2pMailDialler } from '../../src/libp2p/mail-line.js'
import { sealRequest } from '../../src/mailclient/request-seal.js'
import { useQuickKeccak } from '../../src/node/crypto/quick-keccak.js'
import { createPeerNode, startPeerNode } from '../../src/node/peer/peer-node.js'
import { Miner } from '../../src/waku/miner.js'
import { fullBloom } from '../../src/wire/envelope/bloom.js'
import { PacketCode } from '../../src/wire/packet/packet-code.js'
import { askingLibp2p } from '../../src/wire/request/mail-codec.js'
import { splitP2PMessage } from '../../src/wire/request/p2p-message.js'
import { Prng } from '../../test/archive/prng.js'
import { Traffic } from '../../test/archive/traffic.js'
import { HISTORY_SEED, PASSWORD, RAW_PROTOCOL } from './history-protocol.js'
import { anonymousMemory, type Line, percentiles, print } from './report.js'
import { ServerProcess } from './server-process.js'

const ROUNDS = 3
const TOPIC_PAGES = 60

const median = (values: number[]): number => values.toSorted((a, b) => a - b)[Math.floor(values.length / 2)] as number

/**
 * Whole histories between two processes over loopback, beside a scan of LevelDB's own iterator in the server's process and a
 * raw libp2p stream of as many bytes, in turns.
 *
 * @param folder - with an archive of so many envelopes that is there already
 */
export async function historyBench(count: number, folder?: string): Promise<Line[]> {
  await useQuickKeccak()
  const directory = folder ?? (await mkdtemp(join(tmpdir(), 'waku-bench-')))
  const server = new ServerProcess('./history-server.js', [directory, String(count)])
  const client = await createPeerNode({
    privateKey: await generateKeyPair('secp256k1'),
    datastore: new MemoryDatastore(),
    services: { waku: waku(), mailclient: mailclient() }
  })
  try {
    const { addresses, bytes } = await server.answer<{ addresses: string[]; bytes: number }>('ready')
    await startPeerNode(client as never)
    const connection = await client.dial(addresses.map(address => multiaddr(address)))
    const peer = connection.remotePeer
    await client.services.mailclient.trust.add(peer)
    const key = await keyFromPassword(PASSWORD)
    const memory = anonymousMemory()

    const raw = async (): Promise<number> => {
      const started = performance.now()
      const stream = await connection.newStream(RAW_PROTOCOL)
      let got = 0
      await new Promise<void>((resolve, reject) => {
        stream.addEventListener('message', event => {
          got += event.data.byteLength
        })
        stream.addEventListener('end', () => resolve())
        stream.addEventListener('close', event => (event.error === undefined ? resolve() : reject(event.error)))
      })
      await stream.close()
      if (got !== bytes) throw new Error(`the raw stream brought ${got} of ${bytes} bytes`)
      return performance.now() - started
    }

    const pageTimes: number[] = []
    const firstTimes: number[] = []
    const miner = new Miner(defaultLogger().forComponent('bench'))
    /** A client that only counts: it looks at nothing but the completion. */
    const counting = async (): Promise<number> => {
      const signal = AbortSignal.timeout(600_000)
      const started = performance.now()
      const connectionManager = (client as unknown as { components: { connectionManager: never } }).components
      const line = await libp2pMailDialler(connectionManager.connectionManager)(peer, { signal })
      let envelopes = 0
      let cursor: Uint8Array | undefined
      do {
        const pageStarted = performance.now()
        const request = { lower: 0, upper: 0xffff_ffff, bloom: fullBloom(), limit: 1000, cursor }
        const now = Math.floor(Date.now() / 1000)
        const parts = {
          miner,
          codec: askingLibp2p,
          dialect: 'spec6t',
          key,
          signWith: undefined,
          pow: 0.002,
          ttl: 50,
          now,
          signal
        }
        const sealed = await sealRequest(request, parts as Parameters<typeof sealRequest>[1])
        let first = true
        for await (const packet of line.exchange(sealed.raw, { signal })) {
          if (first) firstTimes.push(performance.now() - pageStarted)
          first = false
          if (packet.code === PacketCode.P2PMessage) envelopes += splitP2PMessage(packet.body).length
          else if (packet.code === PacketCode.RequestComplete) {
            const complete = askingLibp2p.decodeComplete(packet.body)
            if (complete.error !== undefined) throw new Error(complete.error.text)
            cursor = complete.cursor
            break
          }
        }
        pageTimes.push(performance.now() - pageStarted)
      } while (cursor !== undefined)
      await line.close()
      if (envelopes !== count) throw new Error(`${envelopes} of ${count} envelopes came`)
      return performance.now() - started
    }

    /** The client service as applications use it: every envelope decoded, hashed and held against the request. */
    const service = async (): Promise<number> => {
      const started = performance.now()
      let envelopes = 0
      for await (const page of client.services.mailclient.history({
        server: peer,
        from: 0,
        to: 0xffff_ffff,
        requestKey: key
      })) {
        envelopes += page.envelopes.length
      }
      if (envelopes !== count) throw new Error(`${envelopes} of ${count} envelopes came`)
      return performance.now() - started
    }

    const times: Record<'rawScan' | 'scan' | 'raw' | 'counting' | 'service', number[]> = {
      rawScan: [],
      scan: [],
      raw: [],
      counting: [],
      service: []
    }
    for (let round = 0; round < ROUNDS; round++) {
      times.rawScan.push(await server.answer<number>('rawScan'))
      times.scan.push(await server.answer<number>('scan'))
      times.raw.push(await raw())
      times.counting.push(await counting())
      times.service.push(await service())
    }

    const traffic = new Traffic(new Prng(HISTORY_SEED), { count: 0, days: 30 })
    const prng = new Prng(8)
    const topicTimes: number[] = []
    let found = 0
    for (let i = 0; i < TOPIC_PAGES; i++) {
      const topics = Array.from({ length: 10 }, () => prng.pick(traffic.cold))
      const query: HistoryQuery = { server: peer, from: 0, to: 0xffff_ffff, topics, requestKey: key, limit: 1000 }
      const started = performance.now()
      for await (const page of client.services.mailclient.history(query)) found += page.envelopes.length
      topicTimes.push(performance.now() - started)
    }

    const limit = Math.max(median(times.rawScan), median(times.raw))
    const rate = (name: keyof typeof times): string => {
      const ms = median(times[name])
      const persecond = `${Math.round((count / ms) * 1000).toLocaleString('en')} envelopes/s`
      return `${persecond}, ${(bytes / 1000 / ms).toFixed(0)} MB/s, ${((limit / ms) * 100).toFixed(0)} % of the limit`
    }
    const lines: Line[] = [
      ['history', `${count} envelopes, ${(bytes / count).toFixed(0)} bytes each, medians of ${ROUNDS} rounds`],
      ['raw LevelDB scan', rate('rawScan')],
      ['raw libp2p stream', rate('raw')],
      ['the limit', limit === median(times.raw) ? 'the raw stream' : 'the raw scan'],
      ['archive scan', rate('scan')],
      ['whole history, client that counts', rate('counting')],
      ['  first packet of a page', percentiles(firstTimes)],
      ['  page of 1000', percentiles(pageTimes)],
      ['whole history, client service', rate('service')],
      ['10 topics of 5000, 30 days', `${percentiles(topicTimes)}, ${(found / TOPIC_PAGES).toFixed(0)} envelopes each`],
      ['peak anonymous memory, client', memory.stop()]
    ]
    lines.push(['peak anonymous memory, server', await server.answer<string>('stop')])
    return lines
  } finally {
    await client.stop()
    server.kill()
    if (folder === undefined) await rm(directory, { recursive: true, force: true })
  }
}

if (process.argv[1] === fileURLToPath(import.meta.url)) print(await historyBench(Number(process.argv[2] ?? 200_000)))
