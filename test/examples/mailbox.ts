import { noise } from '@chainsafe/libp2p-noise'
import { identify } from '@libp2p/identify'
import { tcp } from '@libp2p/tcp'
import { yamux } from '@libp2p/yamux'
import { createLibp2p } from 'libp2p'
import { mailbox, mailclient, waku } from 'waku-mailserver'

const [, , server = '', text] = process.argv

const node = await createLibp2p({
  transports: [tcp()],
  connectionEncrypters: [noise()],
  streamMuxers: [yamux()],
  services: {
    identify: identify(),
    waku: waku({ light: true }),
    mailclient: mailclient(),
    mailbox: mailbox({ servers: [server], password: 'a password of your own' })
  }
})
const box = node.services.mailbox

if (text !== undefined) {
  const letter = await box.send({ topic: 'news', payload: text, ttl: 2 })
  await letter.confirmed // it is on the disk of the server; until one is reached it waits
}
for await (const item of box.messages({ topics: ['news'] })) {
  if (item.type === 'message') console.log(item.text)
  if (item.type === 'behind') console.error(item.servers[0]?.error?.message) // and it goes on trying
  if (item.type !== 'caughtUp') continue
  console.log(item.completeness) // all that was sent; what would follow is live
  break
}
await node.stop()
