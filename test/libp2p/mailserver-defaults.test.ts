import assert from 'node:assert/strict'
import { type TestContext, test } from 'node:test'
import { identify } from '@libp2p/identify'
import { tcp } from '@libp2p/tcp'
import { createLibp2p, type Libp2p } from 'libp2p'
import { mailserver, mailserverDefaults, topicFromName, type WakuService, waku } from '../../src/index.js'

const CLIENTS = 12

async function node(t: TestContext, services: object): Promise<Libp2p<{ waku: WakuService }>> {
  const made = (await createLibp2p({
    ...mailserverDefaults(),
    addresses: { listen: ['/ip4/127.0.0.1/tcp/0'] },
    transports: [tcp()],
    services: { identify: identify(), waku: waku(), ...services }
  })) as unknown as Libp2p<{ waku: WakuService }>
  t.after(async () => await made.stop())
  return made
}

test('an embedded server with the defaults serves as many clients of one address at once as the daemon does', async t => {
  const server = await node(t, { mailserver: mailserver({ password: 'one of your own' }) })
  const clients = await Promise.all(Array.from({ length: CLIENTS }, () => node(t, {})))
  const [address] = server.getMultiaddrs()
  assert.ok(address !== undefined)
  const posts = clients.map(({ services }, i) =>
    services.waku.post({ topic: topicFromName('news'), payload: Uint8Array.of(i), to: address })
  )
  for (const posted of await Promise.all(posts)) assert.equal(posted.confirmed.length, 1)
})
