import { noise } from '@chainsafe/libp2p-noise'
import { identify } from '@libp2p/identify'
import { tcp } from '@libp2p/tcp'
import { yamux } from '@libp2p/yamux'
import { createLibp2p } from 'libp2p'
import { keyFromPassword, topicFromName, waku } from 'waku-mailserver'

const [, , server = ''] = process.argv // what the server printed

const node = await createLibp2p({
  transports: [tcp()],
  connectionEncrypters: [noise()],
  streamMuxers: [yamux()],
  services: { identify: identify(), waku: waku() }
})

const posted = await node.services.waku.post({
  to: server, // dialled when there is no connection
  topic: topicFromName('news'),
  key: await keyFromPassword('news'), // opens the message: for those who read it
  payload: new TextEncoder().encode('the bridge is open'),
  ttl: 2 // seconds that other nodes forward it
})
console.log(posted.confirmed.length === 1 ? 'it is on the disk of the server' : 'nobody confirmed it')
await node.stop()
