import assert from 'node:assert/strict'
import { test } from 'node:test'
import { parseTopic } from '../../src/wire/envelope/topic.js'
import { RefusalCode } from '../../src/wire/packet/confirmation.js'
import { newEnvelope, unixNow } from '../helpers/envelopes.js'
import { aMailserver } from './fixture.js'

test('an archive of some topics keeps those; others count as known and are relayed only [MAIL-05]', async t => {
  const topics = [parseTopic('0x00000001'), parseTopic('0x00000002')]
  const { server, archive } = await aMailserver(t, { archiveTopics: topics })
  const [first, second] = topics.map(topic => newEnvelope({ topic }))
  const other = newEnvelope({ topic: parseTopic('0x00000003') })
  assert(first !== undefined && second !== undefined)
  assert.deepEqual(await server.store.append([other, first, other, second]), ['known', 'stored', 'known', 'stored'])
  assert.deepEqual(await server.store.append([first, other]), ['known', 'known'])
  assert.deepEqual(await server.store.append([other]), ['known'])
  assert.equal((await archive.stats()).envelopes, 2)
  assert.equal(server.tally.get('envelopes_appended'), 2)
})

test('what retention would delete at once is refused with the code for time [D-08]', async t => {
  const { server } = await aMailserver(t, { retention: 3600 })
  const now = unixNow()
  assert.equal(server.store.refuse?.(newEnvelope({ sent: now - 3600, ttl: 7200 }), now), undefined)
  assert.equal(server.store.refuse?.(newEnvelope({ sent: now - 3601, ttl: 7200 }), now)?.code, RefusalCode.time)
})

test('what retention would delete at once of one topic is refused, of another it is not [D-08]', async t => {
  const [brief, long] = [parseTopic('0x00000001'), parseTopic('0x00000002')]
  const topics = [
    { topic: brief, seconds: 60 },
    { topic: long, seconds: Number.POSITIVE_INFINITY }
  ]
  const { server } = await aMailserver(t, { retention: { seconds: 3600, topics } })
  const now = unixNow()
  const refused = [brief, long, parseTopic('0x00000003')].map(topic =>
    [61, 3601].map(age => server.store.refuse?.(newEnvelope({ sent: now - age, ttl: 7200, topic }), now)?.code)
  )
  const { time } = RefusalCode
  assert.deepEqual(refused, [
    [time, time],
    [undefined, undefined],
    [undefined, time]
  ])
})

test('rules that contradict each other are refused when the server is made', async t => {
  const topics = [{ topic: parseTopic('0x00000003'), seconds: 60 }]
  await assert.rejects(aMailserver(t, { retention: { topics }, archiveTopics: [parseTopic('0x00000001')] }), {
    name: 'MailserverInitError',
    message: /topic 0x00000003 means nothing: that topic is not archived/
  })
  await assert.rejects(aMailserver(t, { retention: 0 }), { name: 'MailserverInitError', message: /above 0/ })
})

test('what could never be delivered is refused', async t => {
  const { server } = await aMailserver(t)
  const envelope = newEnvelope({ data: new Uint8Array(1024 * 1024 - 60) })
  const smaller = newEnvelope({ data: new Uint8Array(1024 * 1024 - 60 - (envelope.size + 9 - 1024 * 1024)) })
  assert.equal(smaller.size + 9, 1024 * 1024)
  assert.equal(server.store.refuse?.(smaller, unixNow()), undefined)
  const larger = newEnvelope({ data: new Uint8Array(smaller.data.length + 1) })
  assert.equal(server.store.refuse?.(larger, unixNow())?.code, RefusalCode.other)
})

test('envelopes outside the topics are not refused, however old', async t => {
  const { server } = await aMailserver(t, { retention: 60, archiveTopics: [parseTopic('0x00000001')] })
  const now = unixNow()
  const old = newEnvelope({ sent: now - 600, ttl: 1200, topic: parseTopic('0x00000003') })
  assert.equal(server.store.refuse?.(old, now), undefined)
})
