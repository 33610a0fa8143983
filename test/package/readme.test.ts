import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { after, test } from 'node:test'
import { keyFromPassword, topicFromName } from '../../src/index.js'
import { repositoryRoot } from '../helpers/repository.js'

const read = (path: string): string => readFileSync(join(repositoryRoot, path), 'utf8')

for (const name of ['embed', 'mailbox', 'send', 'read']) {
  test(`the example "${name}" in the README is the one that is compiled and run`, () => {
    assert.ok(read('README.md').includes(`\`\`\`ts\n${read(`test/examples/${name}.ts`)}\`\`\``))
  })
}

test('the peer for browsers in the README is that of the example page', () => {
  assert.ok(read('README.md').includes(`\`\`\`ts\n${read('scripts/example-browser/peer.ts')}\`\`\``))
})

test('two applications that embed the services post, archive and fetch', async () => {
  const { node: server } = await import('../examples/embed.js')
  // the module again, under another name: a second application
  const { node: client } = (await import(
    `${new URL('../examples/embed.js', import.meta.url)}?client`
  )) as typeof import('../examples/embed.js')
  after(() => Promise.all([client.stop(), server.stop()]))
  const topic = topicFromName('news')
  const key = await keyFromPassword('news')
  const heard: string[] = []
  client.services.waku.subscribe({ topics: [topic], key }, message => {
    heard.push(`${message.historic} ${new TextDecoder().decode(message.payload)}`)
  })

  await client.dial(server.getMultiaddrs())
  await client.services.waku.connect(server.peerId)
  const posted = await client.services.waku.post({
    topic,
    key,
    payload: new TextEncoder().encode('hello'),
    to: server.peerId
  })
  assert.deepEqual(posted.confirmed.map(String), [server.peerId.toString()])

  await client.services.mailclient.trust.add(server.peerId, { label: 'home' })
  const request = {
    server: server.peerId,
    from: 0,
    topics: [topic],
    requestKey: await keyFromPassword('a password of your own')
  }
  const found: string[] = []
  for await (const page of client.services.mailclient.history(request)) {
    for (const envelope of page.envelopes) found.push(envelope.hashHex)
  }
  assert.deepEqual(found, [posted.envelope.hashHex])
  assert.deepEqual(heard, ['false hello'], 'what was heard live is not heard again')
})
