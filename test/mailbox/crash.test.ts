import assert from 'node:assert/strict'
import { test } from 'node:test'
import { MemoryDatastore } from 'datastore-core'
import { Key } from 'interface-datastore'
import { Outbox } from '../../src/mailbox/outbox.js'
import { isMessage, letters, MESSAGE_KEY, mailhost, NEWS, reader, untilCaughtUp } from './nodes.js'

/** A datastore of a program that dies with its so-manieth write below a key: what comes later is never written. */
function dying(below: string, writes: number): { datastore: MemoryDatastore; dead(): boolean } {
  const datastore = new MemoryDatastore()
  const put = datastore.put.bind(datastore)
  let left = writes
  datastore.put = (key, value) => {
    if (key.toString().startsWith(below) && left-- <= 0) return key
    return put(key, value)
  }
  return { datastore, dead: () => left < 0 }
}

test('whichever write of a reader is its last, the next run loses nothing, and repeats only what was not written yet', async t => {
  const server = await mailhost(t)
  await server.archive.append(letters(30))
  const all = letters(30).map((_, i) => `${i}`)
  for (const writes of [0, 1, 2, 5, 29, 31]) {
    const { datastore, dead } = dying('/mailbox/readers', writes)
    const first = await reader(t, [server], { datastore, client: { windowPages: 1 } })
    const seen: string[] = []
    for await (const item of first.mailbox.messages(NEWS)) {
      if (isMessage(item)) seen.push(item.text)
      if (dead() || item.type === 'caughtUp') break
    }
    await first.stop()
    const left = new MemoryDatastore()
    for await (const { key, value } of datastore.query({})) await left.put(key, value)
    const second = await reader(t, [server], { datastore: left })
    const { texts } = await untilCaughtUp(second.mailbox.messages(NEWS))
    const from = all.length - texts.length
    assert.deepEqual(texts, all.slice(from), `${writes} writes`)
    assert.ok(from <= seen.length, 'nothing is lost')
    assert.ok(
      from >= Math.min(writes, seen.length) - 2,
      `${from} of ${seen.length} were remembered after ${writes} writes`
    )
    await second.stop()
  }
})

test('a letter that was confirmed before the program died is not sent again', async t => {
  const server = await mailhost(t)
  const datastore = new MemoryDatastore()
  const outbox = new Outbox({ datastore, maxLetters: 10, maxBytes: 10_000 })
  const id = await outbox.add({
    topic: new Uint8Array(4),
    data: new Uint8Array(300),
    ttl: 50,
    wanted: 1,
    confirmedBy: []
  })
  // died between the two steps of settling it
  const remove = datastore.delete.bind(datastore)
  datastore.delete = () => {
    throw new Error('dead')
  }
  await assert.rejects(outbox.settle(id, ['peer']), { name: 'MailboxStorageError' })
  datastore.delete = remove
  assert.deepEqual([await outbox.ids(), await datastore.has(new Key(`/mailbox/settled/${id}`))], [[id], true])
  const phone = await reader(t, [server], { datastore })
  await (await phone.mailbox.send({ topic: 'news', key: MESSAGE_KEY, payload: 'another' })).confirmed
  assert.deepEqual(await outbox.ids(), [])
  assert.equal((await server.archive.stats()).envelopes, 1)
})
