import '../../src/base/polyfill.js'
import { multiaddr } from '@multiformats/multiaddr'
import { LevelDatastore } from 'datastore-level'
import { mailbox, mailclient, waku } from '../../src/index.js'
import { libp2pNode } from '../helpers/libp2p-node.js'
import { MESSAGE_KEY, NEWS, PASSWORD, type Reader } from './nodes.js'

// An application that is killed: `killed-app.js <datastore> <address> <run> <letters>`. A line for each thing that happened, as it did.

const [folder = '', address = '', run = '0', letters = '0'] = process.argv.slice(2)
const say = (...words: string[]): void => void process.stdout.write(`${words.join(' ')}\n`)

const datastore = new LevelDatastore(folder)
await datastore.open()
const libp2p = (await libp2pNode({
  datastore,
  services: {
    waku: waku({ pow: 0 }),
    mailclient: mailclient(),
    mailbox: mailbox({ servers: [multiaddr(address)], password: PASSWORD, backoff: 20, interval: 500 })
  }
})) as Reader['libp2p']
const box = libp2p.services.mailbox
say('up')

async function write(): Promise<void> {
  for (let i = 0; i < Number(letters); i++) {
    const payload = `${run}-${i}`
    const sent = await box.send({ topic: 'news', key: MESSAGE_KEY, payload })
    say('kept', payload)
    sent.confirmed.then(
      () => say('confirmed', payload),
      () => {}
    )
  }
}

const writing = write()
for await (const item of box.messages(NEWS)) {
  if (item.type === 'message') say('shown', item.text)
  if (item.type !== 'caughtUp') continue
  say('seam', item.completeness)
  if (Number(letters) > 0) continue
  // the last run: until all that was kept has been sent
  if ((await box.letters()).length === 0 && item.wave > 2) break
}
await writing
await libp2p.stop()
await datastore.close()
say('over')
