import '../../src/base/polyfill.js'
import { join } from 'node:path'
import { generateKeyPair } from '@libp2p/crypto/keys'
import type { StreamHandler } from '@libp2p/interface'
import type { Registrar } from '@libp2p/interface-internal'
import { MemoryDatastore } from 'datastore-core'
import { openDatabase } from '../../src/archive/database/database.js'
import { mailserver, waku } from '../../src/index.js'
import { MAIL_PROTOCOL } from '../../src/libp2p/mail-protocol.js'
import { useQuickKeccak } from '../../src/node/crypto/quick-keccak.js'
import { createPeerNode } from '../../src/node/peer/peer-node.js'
import type { Envelope } from '../../src/wire/envelope/envelope.js'
import { topicFromName } from '../../src/wire/envelope/topic.js'
import { encodePayload } from '../../src/wire/payload/payload.js'
import { sealSymmetric } from '../../src/wire/payload/symmetric.js'
import { Prng } from '../../test/archive/prng.js'
import { envelopeAt, Traffic } from '../../test/archive/traffic.js'
import { PASSWORD, RAW_PROTOCOL } from './history-protocol.js'
import { CHANNEL_KEY, CHANNELS, LETTERS } from './mailbox-channels.js'
import { sendRaw } from './raw-stream.js'

// The server's process of the mailbox benchmark: `mailbox-server.js <directory> <envelopes>`. Among a month of envelopes a week of letters.

const [directory = '', count = '0'] = process.argv.slice(2)
const WEEK = 7 * 86_400
const BATCH = 2000

await useQuickKeccak()
const { archive, close } = await openDatabase(join(directory, 'db'))
const traffic = new Traffic(new Prng(7), { count: Number(count), days: 30 })
const letters = Array.from({ length: LETTERS }, (_, i): Envelope => {
  const sent = traffic.end - WEEK + Math.floor((i / LETTERS) * WEEK)
  const payload = encodePayload({ payload: new TextEncoder().encode(`letter ${i}`) })
  return envelopeAt(
    sent,
    topicFromName(CHANNELS[i % CHANNELS.length] as string),
    sealSymmetric(payload, CHANNEL_KEY),
    50
  )
})
let next = 0
for (const batch of traffic.batches(BATCH)) {
  const until = batch.at(-1)?.sent ?? 0
  const end = letters.findIndex(({ sent }, i) => i >= next && sent > until)
  const due = letters.slice(next, end < 0 ? letters.length : end)
  next += due.length
  await archive.append([...batch, ...due])
}
await archive.append(letters.slice(next))
/** From a stream with a request to the first bytes of its answer, ms, of each one. */
const times: number[] = []
function answers({ registrar }: { registrar: Registrar }): object {
  const handle = registrar.handle.bind(registrar)
  registrar.handle = async (protocol, handler, options) =>
    await handle(protocol, protocol === MAIL_PROTOCOL ? timed(handler) : handler, options)
  return {}
}

function timed(handler: StreamHandler): StreamHandler {
  return (stream, connection) => {
    const begun = performance.now()
    const send = stream.send.bind(stream)
    stream.send = data => {
      times.push(performance.now() - begun)
      stream.send = send
      return send(data)
    }
    return handler(stream, connection)
  }
}

const node = await createPeerNode({
  privateKey: await generateKeyPair('secp256k1'),
  datastore: new MemoryDatastore(),
  listen: ['/ip4/127.0.0.1/tcp/0'],
  services: { waku: waku(), answers, mailserver: mailserver({ archive, password: PASSWORD }) }
})
const bytes = letters.reduce((sum, { size }) => sum + size, 0)
await node.handle(RAW_PROTOCOL, stream => void sendRaw(stream, bytes))
await node.start()
const result = {
  address: String(node.getMultiaddrs()[0]),
  bytes,
  since: traffic.end - WEEK
}
process.on('message', ({ command }: { command: string }) => {
  if (command === 'times') process.send?.({ command, result: times.splice(0) })
  if (command !== 'stop') return
  void (async () => {
    await node.stop()
    await close()
    process.send?.({ command })
    process.disconnect()
  })()
})
process.send?.({ command: 'ready', result })
