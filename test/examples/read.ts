import { noise } from '@chainsafe/libp2p-noise'
import { identify } from '@libp2p/identify'
import { tcp } from '@libp2p/tcp'
import { yamux } from '@libp2p/yamux'
import { createLibp2p } from 'libp2p'
import { decodePayload, keyFromPassword, mailclient, openSymmetric, topicFromName, waku } from 'waku-mailserver'

const [, , server = ''] = process.argv

const node = await createLibp2p({
  transports: [tcp()],
  connectionEncrypters: [noise()],
  streamMuxers: [yamux()],
  services: { identify: identify(), waku: waku(), mailclient: mailclient() }
})

const history = {
  server, // dialled when there is no connection
  from: Math.floor(Date.now() / 1000) - 86_400,
  topics: [topicFromName('news')],
  requestKey: await keyFromPassword('a password of your own') // opens the request: for the server
}
const key = await keyFromPassword('news')

// nobody may deliver expired envelopes unasked; this is kept in the datastore of the node
await node.services.mailclient.trust.add(server, { label: 'home' })
for await (const page of node.services.mailclient.history(history)) {
  for (const envelope of page.envelopes) {
    const plain = openSymmetric(envelope.data, key)
    if (plain === undefined) continue // sealed with another key
    console.log(envelope.sent, new TextDecoder().decode(decodePayload(plain).payload))
  }
}
await node.stop()
