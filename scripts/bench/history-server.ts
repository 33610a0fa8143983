import '../../src/base/polyfill.js'
import { join } from 'node:path'
import { generateKeyPair } from '@libp2p/crypto/keys'
import { ClassicLevel } from 'classic-level'
import { MemoryDatastore } from 'datastore-core'
import { ClassicStore } from '../../src/archive/database/classic-store.js'
import { LEVEL_OPTIONS } from '../../src/archive/database/database.js'
import { LevelArchive } from '../../src/archive/level/level-archive.js'
import { mailserver, waku } from '../../src/index.js'
import { useQuickKeccak } from '../../src/node/crypto/quick-keccak.js'
import { createPeerNode } from '../../src/node/peer/peer-node.js'
import { Prng } from '../../test/archive/prng.js'
import { Traffic } from '../../test/archive/traffic.js'
import { HISTORY_SEED, PASSWORD, RAW_PROTOCOL } from './history-protocol.js'
import { rawScan } from './raw-scan.js'
import { sendRaw } from './raw-stream.js'
import { anonymousBytes, anonymousMemory } from './report.js'

// The server's process of the history benchmark: `history-server.js <directory> <envelopes>`, talking to its parent over IPC. An archive
// that is there already is served as it is.

const DAYS = 30

const [directory = '', count = '0'] = process.argv.slice(2)
const total = Number(count)

await useQuickKeccak()
const level = new ClassicLevel<Uint8Array, Uint8Array>(join(directory, 'db'), LEVEL_OPTIONS)
await level.open()
const archive = await LevelArchive.open({ db: new ClassicStore(level) })
const traffic = new Traffic(new Prng(HISTORY_SEED), { count: total, days: DAYS })
const { envelopes: there } = await archive.stats()
if (there === 0) for (const batch of traffic.batches(2000)) await archive.append(batch)
const { bytes } = await archive.stats()
const memory = anonymousMemory()
const node = await createPeerNode({
  privateKey: await generateKeyPair('secp256k1'),
  datastore: new MemoryDatastore(),
  listen: ['/ip4/127.0.0.1/tcp/0', '/ip4/127.0.0.1/tcp/0/ws'],
  services: { waku: waku(), mailserver: mailserver({ archive, password: PASSWORD }) }
})
await node.handle(RAW_PROTOCOL, stream => void sendRaw(stream, bytes))
await node.start()

/** The archive without the network: what LevelDB gives, in slices, when nobody looks at it. */
async function scan(): Promise<number> {
  const started = performance.now()
  let rows = 0
  const everything = { lower: 0, upper: 0xffff_ffff, limit: Number.POSITIVE_INFINITY }
  for await (const slice of archive.query(everything)) rows += slice.length
  if (rows !== total) throw new Error(`the scan brought ${rows} of ${total} envelopes`)
  return performance.now() - started
}

async function timedRawScan(): Promise<number> {
  const started = performance.now()
  const rows = await rawScan(level)
  if (rows !== total) throw new Error(`the raw scan brought ${rows} of ${total} envelopes`)
  return performance.now() - started
}

const commands: Record<string, () => Promise<unknown>> = {
  scan,
  rawScan: timedRawScan,
  memory: async () => anonymousBytes(),
  stop: async () => {
    await node.stop()
    await archive.close()
    await level.close()
    return memory.stop()
  }
}

process.on('message', ({ command }: { command: string }) => {
  void commands[command]?.().then(result => {
    process.send?.({ command, result })
    if (command === 'stop') process.disconnect()
  })
})
process.send?.({ command: 'ready', result: { addresses: node.getMultiaddrs().map(String), bytes } })
