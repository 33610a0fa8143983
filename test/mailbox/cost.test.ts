import assert from 'node:assert/strict'
import { test } from 'node:test'
import { MAIL_PROTOCOL } from '../../src/libp2p/mail-protocol.js'
import { unixNow } from '../helpers/envelopes.js'
import { isMessage, letter, MESSAGE_KEY, mailhost, reader } from './nodes.js'

test('a phone with 30 topics that was away for a week has its first message while the second question is under way at most, and all for 1.3 times their bytes', async t => {
  const server = await mailhost(t)
  const topics = Array.from({ length: 30 }, (_, i) => `topic ${i}`)
  const begin = unixNow() - 7 * 86_400
  const ours = Array.from({ length: 1800 }, (_, i) =>
    letter(`${i}`, { sent: begin + i * 300, topic: topics[i % 30] as string })
  )
  const others = Array.from({ length: 3000 }, (_, i) =>
    letter('', { sent: begin + i * 200, topic: 'another', data: new Uint8Array(300) })
  )
  await server.archive.append([...ours, ...others].sort((a, b) => a.sent - b.sent))
  const phone = await reader(t, [server], { client: { windowPages: 1 } })
  const { mailclient } = phone.libp2p.services
  const connection = await phone.libp2p.dial(server.address)
  const opened: string[] = []
  const newStream = connection.newStream.bind(connection)
  connection.newStream = async (protocols, options) => {
    opened.push(String(protocols))
    return await newStream(protocols, options)
  }
  let first: Record<string, number> | undefined
  let count = 0
  for await (const item of phone.mailbox.messages({ topics, key: MESSAGE_KEY })) {
    if (isMessage(item) && count++ === 0) first = mailclient.counts
    if (item.type === 'caughtUp') break
  }
  assert.equal(count, 1800)
  // the next page is asked for ahead: a connection, a stream and one answer are three round trips
  assert.ok((first?.requests ?? 9) <= 2)
  const { requests, bytes } = mailclient.counts
  // two pages on one stream, and on another how many there are
  assert.equal(requests, 3)
  assert.deepEqual(
    opened.filter(protocol => protocol === MAIL_PROTOCOL),
    [MAIL_PROTOCOL, MAIL_PROTOCOL]
  )
  const size = ours.reduce((sum, envelope) => sum + envelope.size, 0)
  assert.ok((bytes as number) < 1.3 * size, `${bytes} bytes for ${size}`)
  const { mailserver } = server.libp2p.services
  assert.equal(mailserver.counts.envelopes_delivered, 1800)
})
