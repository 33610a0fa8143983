import { setTimeout as sleep } from 'node:timers/promises'
import { generateKeyPair } from '@libp2p/crypto/keys'
import { defaultLogger } from '@libp2p/logger'
import { multiaddr } from '@multiformats/multiaddr'
import { MemoryDatastore } from 'datastore-core'
import { anySignal } from '../../../src/base/any-signal.js'
import { keyFromPassword, mailclient, waku } from '../../../src/index.js'
import { libp2pMailDialler } from '../../../src/libp2p/mail-line.js'
import { sealRequest } from '../../../src/mailclient/request-seal.js'
import { createPeerNode, startPeerNode } from '../../../src/node/peer/peer-node.js'
import { Miner } from '../../../src/waku/miner.js'
import { fullBloom } from '../../../src/wire/envelope/bloom.js'
import { PacketCode } from '../../../src/wire/packet/packet-code.js'
import { askingLibp2p } from '../../../src/wire/request/mail-codec.js'
import { PASSWORD } from '../history-protocol.js'
import { ServerProcess } from '../server-process.js'
import { folderOf } from './prepared.js'

const CLIENTS = 8
const READERS_EACH = 8
const SECONDS = 20
/** Between two packets that a reader takes, ms. */
const PAUSE = 1500

export interface ReadersCost {
  readers: number
  /** That they took. */
  packets: number
  /** Anonymous memory of the server's process before, and at most while they read; bytes. */
  idle: number
  peak: number
}

/** Clients that ask for everything and take a packet now and then, at a server in a process of its own. */
export async function measureReaders(count: number): Promise<ReadersCost> {
  const server = new ServerProcess('./history-server.js', [folderOf(count), String(count)])
  const stop = new AbortController()
  const clients = []
  try {
    const { addresses } = await server.answer<{ addresses: string[] }>('ready')
    const address = multiaddr(addresses.find(address => !address.includes('/ws')) as string)
    const key = await keyFromPassword(PASSWORD)
    const miner = new Miner(defaultLogger().forComponent('bench'))
    // what one history leaves behind belongs to a server that has been running
    await server.answer<number>('scan')
    await sleep(2000)
    const idle = await server.answer<number>('memory')
    const reading: Promise<unknown>[] = []
    const failed: Error[] = []
    let packets = 0
    for (let i = 0; i < CLIENTS; i++) {
      const client = await createPeerNode({
        privateKey: await generateKeyPair('secp256k1'),
        datastore: new MemoryDatastore(),
        services: { waku: waku(), mailclient: mailclient() }
      })
      clients.push(client)
      await startPeerNode(client as never)
      const { remotePeer } = await client.dial(address)
      const { connectionManager } = (client as unknown as { components: { connectionManager: never } }).components
      const read = async (): Promise<void> => {
        // a signal of its own: Node warns of many that listen to one
        const signal = anySignal([stop.signal])
        const line = await libp2pMailDialler(connectionManager)(remotePeer, { signal })
        const request = { lower: 0, upper: 0xffff_ffff, bloom: fullBloom(), limit: 1000 }
        const kept = {
          miner,
          codec: askingLibp2p,
          dialect: 'spec6t' as const,
          key,
          signWith: undefined,
          pow: 0.002,
          ttl: 50
        }
        while (!signal.aborted) {
          const now = Math.floor(Date.now() / 1000)
          const { raw } = await sealRequest(request, { ...kept, now, signal })
          for await (const { code, body } of line.exchange(raw, { signal })) {
            await sleep(PAUSE)
            if (code === PacketCode.P2PMessage) packets++
            if (code !== PacketCode.RequestComplete) continue
            const { error } = askingLibp2p.decodeComplete(body)
            if (error !== undefined) throw new Error(error.text)
            break
          }
        }
      }
      for (let j = 0; j < READERS_EACH; j++) reading.push(read().catch(error => failed.push(error as Error)))
    }
    let peak = idle
    for (let second = 0; second < SECONDS * 4; second++) {
      await sleep(250)
      peak = Math.max(peak, await server.answer<number>('memory'))
    }
    const [first] = failed
    if (first !== undefined) throw first
    stop.abort()
    await Promise.all(reading)
    return { readers: reading.length, packets, idle, peak }
  } finally {
    stop.abort()
    for (const client of clients) await client.stop()
    server.kill()
  }
}
