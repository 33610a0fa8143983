import '../../src/base/polyfill.js'
import { createWriteStream } from 'node:fs'
import { join } from 'node:path'
import { pipeline } from 'node:stream/promises'
import { defaultLogger } from '@libp2p/logger'
import { MemoryDatastore } from 'datastore-core'
import { openDatabase } from '../../src/archive/database/database.js'
import { Devp2pService, NodeKey } from '../../src/devp2p/index.js'
import { Keyring } from '../../src/mailserver/keyring.js'
import { Mailserver } from '../../src/mailserver/mailserver.js'
import { DigestThread } from '../../src/node/crypto/digest-thread.js'
import { useQuickKeccak } from '../../src/node/crypto/quick-keccak.js'
import { WakuNode } from '../../src/waku/waku-node.js'
import { Prng } from '../../test/archive/prng.js'
import { Traffic } from '../../test/archive/traffic.js'
import { anonymousMemory } from './report.js'

// The server's process of the devp2p benchmark: `devp2p-server.js <directory> <envelopes> <password>`, talking to its parent over IPC.

const DAYS = 30
/** So much that each envelope's hash has to be looked at: the size and TTL of those that are posted do not suffice. */
const POW = 6e-5

const [directory = '', count = '0', password = ''] = process.argv.slice(2)
const total = Number(count)

await useQuickKeccak()
const { archive, close } = await openDatabase(join(directory, 'db'))
const traffic = new Traffic(new Prng(7), { count: total, days: DAYS })
for (const batch of traffic.batches(2000)) await archive.append(batch)
const memory = anonymousMemory()
const logger = defaultLogger()
const key = new NodeKey()
const digester = new DigestThread()
const waku = new WakuNode({ peerId: key.peerId, logger }, { pow: POW, digester })
const keyring = new Keyring({ datastore: new MemoryDatastore(), logger })
await keyring.addPassword('bench', password)
const mailserver = new Mailserver({ waku, archive, keyring, logger })
const devp2p = new Devp2pService(
  { logger, services: () => ({ waku, handle: mailserver.handle }) },
  { key, listen: [{ host: '127.0.0.1', port: 0 }] }
)
waku.start()
mailserver.start()
await devp2p.start()

/** Everything as one file that Go peers read into their archives. */
async function* everything(): AsyncGenerator<Uint8Array> {
  const query = { lower: 0, upper: 0xffff_ffff, limit: Number.POSITIVE_INFINITY }
  for await (const slice of archive.query(query)) for (const { raw } of slice) yield raw
}

const commands: Record<string, (argument: string) => Promise<unknown>> = {
  export: file => pipeline(everything, createWriteStream(file)),
  count: async () => (await archive.stats()).envelopes,
  stop: async () => {
    waku.stop()
    await mailserver.stop()
    await devp2p.stop()
    digester.stop()
    await close()
    return memory.stop()
  }
}

process.on('message', ({ command, argument }: { command: string; argument: string }) => {
  void commands[command]?.(argument).then(result => {
    process.send?.({ command, result })
    if (command === 'stop') process.disconnect()
  })
})
const { bytes } = await archive.stats()
process.send?.({ command: 'ready', result: { enode: devp2p.enode, bytes, end: traffic.end } })
