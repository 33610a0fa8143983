import assert from 'node:assert/strict'
import { test } from 'node:test'
import { unixNow } from '../helpers/envelopes.js'
import { isMessage, letter, letters, MESSAGE_KEY, mailhost, NEWS, reader, textsOf, untilCaughtUp } from './nodes.js'

const texts = (count: number, from = 0): string[] => Array.from({ length: count }, (_, i) => `${from + i}`)

test('history comes first, then a seam that says that it is complete, then what is live', async t => {
  const server = await mailhost(t)
  await server.archive.append(letters(3))
  const phone = await reader(t, [server])
  const writer = await reader(t, [server])
  const seen: string[] = []
  for await (const item of phone.mailbox.messages(NEWS)) {
    if (isMessage(item)) seen.push(`${item.historic ? 'history' : 'live'} ${item.text}`)
    if (item.type === 'caughtUp') seen.push(item.completeness)
    // the second wave follows the conversation: from then on it is live
    if (item.type === 'caughtUp' && item.wave === 2) {
      const sent = await writer.mailbox.send({ topic: 'news', key: MESSAGE_KEY, payload: 'hello' })
      await sent.confirmed
    }
    if (isMessage(item) && item.text === 'hello') break
  }
  assert.deepEqual(seen.slice(0, 4), ['history 0', 'history 1', 'history 2', 'complete'])
  assert.deepEqual(seen.slice(4), ['complete', 'live hello'])
})

test('each message comes once: live, then again from the archive, and after a restart only what is new', async t => {
  const server = await mailhost(t)
  await server.archive.append(letters(3))
  const first = await reader(t, [server])
  assert.deepEqual((await untilCaughtUp(first.mailbox.messages(NEWS))).texts, texts(3))
  await server.archive.append(letters(2, 3))
  assert.deepEqual((await untilCaughtUp(first.mailbox.messages(NEWS), 2)).texts, texts(2, 3))
  const sent = await first.mailbox.send({ topic: 'news', key: MESSAGE_KEY, payload: 'mine' })
  await sent.confirmed
  assert.deepEqual((await untilCaughtUp(first.mailbox.messages(NEWS))).texts, ['mine'])
  await first.stop()
  // it comes late and is dated back
  await server.archive.append([letter('late', { sent: unixNow() - 80_000 })])
  const second = await reader(t, [server], { datastore: first.datastore })
  assert.deepEqual((await untilCaughtUp(second.mailbox.messages(NEWS), 2)).texts, ['late'])
})

test('what was shown when the reader left is not shown again, and what was not is', async t => {
  const server = await mailhost(t)
  await server.archive.append(letters(10))
  const phone = await reader(t, [server])
  const seen: string[] = []
  for await (const item of phone.mailbox.messages(NEWS)) {
    if (isMessage(item)) seen.push(item.text)
    if (seen.length === 4) break
  }
  await phone.stop()
  const again = await reader(t, [server], { datastore: phone.datastore })
  const { texts: rest } = await untilCaughtUp(again.mailbox.messages(NEWS))
  assert.deepEqual([...seen, ...rest], texts(10))
})

test('readers have places of their own, and one at a time has each', async t => {
  const server = await mailhost(t)
  await server.archive.append(letters(3))
  const phone = await reader(t, [server])
  for (const name of ['one', 'two']) {
    assert.deepEqual((await untilCaughtUp(phone.mailbox.messages({ ...NEWS, reader: name }))).texts, texts(3))
  }
  for (let i = 0; i < 2; i++) {
    assert.deepEqual((await untilCaughtUp(phone.mailbox.messages({ ...NEWS, reader: false }))).texts, texts(3))
  }
  const reading = phone.mailbox.messages(NEWS)
  await reading.next()
  await assert.rejects(phone.mailbox.messages(NEWS).next(), { name: 'ReaderInUseError' })
  await reading.return()
  assert.deepEqual((await untilCaughtUp(phone.mailbox.messages(NEWS))).texts, texts(2, 1))
})

test('an older since brings what is older, and nothing twice', async t => {
  const server = await mailhost(t)
  const begin = unixNow() - 7200
  await server.archive.append(letters(10, 0, begin))
  const phone = await reader(t, [server])
  const late = await untilCaughtUp(phone.mailbox.messages({ ...NEWS, since: begin + 6 }))
  assert.deepEqual(late.texts, texts(4, 6))
  const all = await untilCaughtUp(phone.mailbox.messages({ ...NEWS, since: new Date(begin * 1000) }))
  assert.deepEqual(all.texts, texts(6))
})

test('a reader ends when the node stops, and with the reason of its signal', async t => {
  const server = await mailhost(t)
  const phone = await reader(t, [server])
  const controller = new AbortController()
  await assert.rejects(async () => {
    for await (const item of phone.mailbox.messages({ ...NEWS, signal: controller.signal })) {
      if (item.type === 'caughtUp') controller.abort(new Error('enough'))
    }
  }, /enough/)
  const items = []
  for await (const item of phone.mailbox.messages(NEWS)) {
    items.push(item)
    if (item.type === 'caughtUp') void phone.stop()
  }
  assert.deepEqual(textsOf(items), [])
  await assert.rejects(phone.mailbox.messages(NEWS).next(), { name: 'MailboxStoppedError' })
})

test('what no key opens is counted, and what makes no sense is refused', async t => {
  const server = await mailhost(t)
  await server.archive.append([letter('for others', { data: new Uint8Array(300) }), letter('for us')])
  const phone = await reader(t, [server])
  const { texts: opened, seams } = await untilCaughtUp(phone.mailbox.messages(NEWS))
  assert.deepEqual([opened, seams[0]?.unopened], [['for us'], 1])
  const wrong = [
    {},
    { topics: [] },
    { topics: 'news' },
    { topics: [''] },
    { topics: ['0x12345678'] },
    { topics: [new Uint8Array(3)], key: MESSAGE_KEY },
    { topics: ['news'], key: new Uint8Array(32) },
    { topics: ['news'], key: new Uint8Array(5) },
    { ...NEWS, since: -1 },
    { ...NEWS, since: new Date(Number.NaN) },
    { ...NEWS, reader: '' },
    { ...NEWS, widen: 1.5 },
    { ...NEWS, widen: 1000 }
  ]
  for (const query of wrong) {
    const reading = phone.mailbox.messages(query as never).next()
    await assert.rejects(reading, { name: 'MessagesQueryError' }, JSON.stringify(query))
  }
})
