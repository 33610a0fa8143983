import '../../../src/base/polyfill.js'
import { monitorEventLoopDelay } from 'node:perf_hooks'
import { generateKeyPair } from '@libp2p/crypto/keys'
import { MemoryDatastore } from 'datastore-core'
import { mailserver, waku } from '../../../src/index.js'
import { DigestThread } from '../../../src/node/digest-thread.js'
import { createPeerNode } from '../../../src/node/peer-node.js'
import { useQuickKeccak } from '../../../src/node/quick-keccak.js'
import { newEnvelope } from '../../../test/helpers/envelopes.js'
import { KEY } from '../../../test/mailserver/request-maker.js'

// The node that is attacked, in a process of its own: `server.js <envelopes in its pool> <on | off>`, over IPC.

const [pool = '0', defence = 'on'] = process.argv.slice(2)

await useQuickKeccak()
const digester = new DigestThread()
const node = await createPeerNode({
  privateKey: await generateKeyPair('secp256k1'),
  datastore: new MemoryDatastore(),
  listen: ['/ip4/127.0.0.1/tcp/0'],
  services: { waku: waku({ digester, pow: 0 }), mailserver: mailserver({ password: 'nobody knows it' }) }
})
await node.start()
const { limits } = node.services.waku
await node.services.mailserver.keyring.add('main', KEY)
for (let i = 0; i < Number(pool); i++) await node.services.waku.post({ envelope: newEnvelope({ ttl: 3600 }) })
if (defence === 'off') {
  limits.throttle.reserve = () => 0
  limits.packets.run = async (_origin, work) => await work()
  limits.others.run = async (_origin, work) => await work()
  limits.pool.run = async (_origin, work) => await work()
  limits.memory.hold = () => {}
}

const delays = monitorEventLoopDelay({ resolution: 1 })
delays.enable()
let most = 0
setInterval(() => {
  most = Math.max(most, process.memoryUsage().rss)
}, 50).unref()

process.on('message', () => {
  process.send?.({ stall: delays.max / 1e6, rss: most, counts: node.services.mailserver.counts })
  delays.reset()
  most = 0
})
process.send?.({ address: String(node.getMultiaddrs()[0]) })
