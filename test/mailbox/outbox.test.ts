import assert from 'node:assert/strict'
import { test } from 'node:test'
import { generateKeyPair } from '@libp2p/crypto/keys'
import { multiaddr } from '@multiformats/multiaddr'
import { MemoryDatastore } from 'datastore-core'
import { type Datastore, Key } from 'interface-datastore'
import { decodeEnvelope, type LetterChange, type OutgoingMessage } from '../../src/index.js'
import { toHex } from '../../src/wire/bytes.js'
import { newPeerId } from '../helpers/memory-channel.js'
import { until } from '../helpers/waku-node.js'
import { type Mailhost, MESSAGE_KEY, mailhost, NEWS, type Reader, reader, untilCaughtUp } from './nodes.js'

const hello: OutgoingMessage = { topic: 'news', key: MESSAGE_KEY, payload: 'hello' }

function statesOf({ mailbox }: Reader): string[] {
  const states: string[] = []
  mailbox.addEventListener('letter', ({ detail }) => states.push(detail.state))
  return states
}

/** The change that brings a state. */
function whenLetter({ mailbox }: Reader, state: LetterChange['state']): Promise<LetterChange> {
  return new Promise(resolve =>
    mailbox.addEventListener('letter', ({ detail }) => {
      if (detail.state === state) resolve(detail)
    })
  )
}

const stored = async ({ archive }: Mailhost): Promise<number> => (await archive.stats()).envelopes

test('a letter is kept first, then sent, and is out of the outbox once a server confirmed it', async t => {
  const server = await mailhost(t)
  const phone = await reader(t, [server])
  const states = statesOf(phone)
  const sent = await phone.mailbox.send(hello)
  assert.deepEqual(
    (await phone.mailbox.letters()).map(({ id }) => id),
    [sent.id]
  )
  await sent.confirmed
  assert.deepEqual([states[0], states.at(-1)], ['waiting', 'confirmed'])
  assert.deepEqual(sent.confirmedBy, [server.libp2p.peerId.toString()])
  assert.deepEqual(await phone.mailbox.letters(), [])
  assert.equal(await stored(server), 1)
})

test('a letter written offline survives the end of the program, and is sent by the next run when the server is back', async t => {
  const privateKey = await generateKeyPair('secp256k1')
  const before = await mailhost(t, { privateKey })
  const { address } = before
  await before.libp2p.stop()
  const first = await reader(t, [address])
  const lost = await first.mailbox.send(hello)
  await first.stop()
  await assert.rejects(lost.confirmed, { name: 'MailboxStoppedError' })
  const second = await reader(t, [address], { datastore: first.datastore })
  const [letter] = await second.mailbox.letters()
  assert.equal(letter?.id, lost.id)
  const server = await mailhost(t, { privateKey, listen: address.toString().split('/p2p/')[0] as string })
  await letter?.confirmed
  assert.equal(await stored(server), 1)
})

test('neither what a letter says nor its key is in the datastore', async t => {
  const phone = await reader(t, [multiaddr(`/ip4/127.0.0.1/tcp/1/p2p/${await newPeerId()}`)])
  await phone.mailbox.send({ ...hello, payload: 'a secret of ours' })
  for await (const { value } of phone.datastore.query({})) {
    for (const secret of [new TextEncoder().encode('a secret'), MESSAGE_KEY])
      assert.ok(!toHex(value).includes(toHex(secret)))
  }
})

test('a letter whose TTL is over before a server is reached is mined anew, and comes once though two envelopes hold it', async t => {
  const privateKey = await generateKeyPair('secp256k1')
  const [first, away] = await Promise.all([mailhost(t), mailhost(t, { privateKey })])
  await away.libp2p.stop()
  const phone = await reader(t, [first, away])
  const sent = await phone.mailbox.send({ ...hello, ttl: 5, confirmations: 2 })
  await until(() => sent.confirmedBy.length === 1)
  const over = Date.now() + 6_000
  await until(() => Date.now() > over, 10_000)
  const back = await mailhost(t, { privateKey, listen: away.address.toString().split('/p2p/')[0] as string })
  await sent.confirmed
  const hashes = await Promise.all([first, back].map(hashesAt))
  assert.equal(new Set(hashes.flat()).size, 2)
  const other = await reader(t, [first, back])
  const { texts } = await untilCaughtUp(other.mailbox.messages({ ...NEWS, verified: true }))
  assert.deepEqual(texts, ['hello'])
})

async function hashesAt({ archive }: Mailhost): Promise<string[]> {
  const hashes: string[] = []
  for await (const rows of archive.query({ lower: 0, upper: 2 ** 32 - 1, limit: 10 })) {
    for (const { raw } of rows) hashes.push(decodeEnvelope(raw).hashHex)
  }
  return hashes
}

test('as many servers confirm as were asked for', async t => {
  const servers = await Promise.all([mailhost(t), mailhost(t)])
  const phone = await reader(t, servers)
  const one = await phone.mailbox.send(hello)
  await one.confirmed
  const both = await phone.mailbox.send({ ...hello, confirmations: 2 })
  await both.confirmed
  const counts = await Promise.all(servers.map(stored))
  assert.deepEqual([(counts[0] as number) + (counts[1] as number), both.confirmedBy.length], [3, 2])
})

test('a letter that every server refuses says why, stays, and can be discarded', async t => {
  const server = await mailhost(t)
  const phone = await reader(t, [server])
  // it takes an envelope of another time for one of a wrong clock
  const wrong = await reader(t, [server], { waku: { now: () => Math.floor(Date.now() / 1000) - 3600 } })
  const refused = whenLetter(wrong, 'refused')
  const sent = await wrong.mailbox.send(hello)
  await assert.rejects(sent.confirmed, { name: 'LetterRefusedError' })
  const change = await refused
  assert.deepEqual(
    change.refusals.map(({ server: peer, code }) => [peer.toString(), code]),
    [[server.libp2p.peerId.toString(), 1]]
  )
  assert.equal((await wrong.mailbox.letters()).length, 1)
  assert.equal(await wrong.mailbox.discard(sent.id), true)
  assert.equal(await wrong.mailbox.discard(sent.id), false)
  assert.deepEqual([await wrong.mailbox.letters(), await stored(server)], [[], 0])
  await (await phone.mailbox.send(hello)).confirmed
})

test('what cannot be a letter is refused before anything is kept, with the reason', async t => {
  const phone = await reader(t, [multiaddr(`/ip4/127.0.0.1/tcp/1/p2p/${await newPeerId()}`)], {
    maxLetters: 2,
    maxOutboxBytes: 2000
  })
  const ed25519 = (await generateKeyPair('Ed25519')).publicKey.toCID().toString()
  const cases: [unknown, string][] = [
    [undefined, 'payload'],
    [{ ...hello, payload: 5 }, 'payload'],
    [{ ...hello, payload: new Uint8Array(1024 * 1024) }, 'too-large'],
    [{ ...hello, payload: 'x'.repeat(1024 * 1024 - 200) }, 'too-large'],
    [{ payload: 'x' }, 'topic'],
    [{ ...hello, topic: '' }, 'topic'],
    [{ ...hello, topic: new Uint8Array(3) }, 'topic'],
    [{ topic: '0x12345678', payload: 'x' }, 'key'],
    [{ ...hello, key: new Uint8Array(31) }, 'key'],
    [{ ...hello, key: new Uint8Array(32) }, 'key'],
    [{ ...hello, signWith: new Uint8Array(3) }, 'key'],
    [{ ...hello, to: new Uint8Array(33) }, 'recipient'],
    [{ payload: 'x', to: 'nobody' }, 'recipient'],
    [{ payload: 'x', to: ed25519 }, 'recipient'],
    [{ payload: 'x', to: `04${'11'.repeat(64)}` }, 'recipient'],
    [{ ...hello, ttl: 0 }, 'ttl'],
    [{ ...hello, ttl: 86_401 }, 'ttl'],
    [{ ...hello, confirmations: 2 }, 'confirmations'],
    [{ ...hello, confirmations: 0 }, 'confirmations'],
    [{ ...hello, confirmations: '1' }, 'confirmations']
  ]
  for (const [message, reason] of cases) {
    await assert.rejects(
      phone.mailbox.send(message as OutgoingMessage),
      { name: 'LetterError', reason },
      JSON.stringify(message)
    )
  }
  await assert.rejects(phone.mailbox.send({ ...hello, payload: 'x'.repeat(3000) }), { name: 'OutboxFullError' })
  assert.deepEqual(await phone.mailbox.letters(), [])
  await phone.mailbox.send(hello)
  await phone.mailbox.send(hello)
  await assert.rejects(phone.mailbox.send(hello), { name: 'OutboxFullError' })
})

/** A datastore without room, while `full`. */
function fullDatastore(): { datastore: Datastore; state: { full: boolean } } {
  const state = { full: false }
  const datastore = new MemoryDatastore()
  const put = datastore.put.bind(datastore)
  datastore.put = (key, value) => {
    // libp2p's peer store is somewhere else: it would open no stream
    if (state.full && key.toString().startsWith('/mailbox')) throw new DOMException('no room', 'QuotaExceededError')
    return put(key, value)
  }
  return { datastore, state }
}

test('without room a letter is refused, and reading goes on and says so', async t => {
  const server = await mailhost(t)
  const { datastore, state } = fullDatastore()
  const phone = await reader(t, [server], { datastore })
  await (await phone.mailbox.send(hello)).confirmed
  state.full = true
  await assert.rejects(phone.mailbox.send(hello), { name: 'MailboxStorageError', reason: 'full' })
  const troubles: Error[] = []
  phone.mailbox.addEventListener('trouble', ({ detail }) => troubles.push(detail))
  assert.deepEqual((await untilCaughtUp(phone.mailbox.messages(NEWS))).texts, ['hello'])
  assert.ok(troubles.some(error => error.name === 'MailboxStorageError'))
  state.full = false
  assert.deepEqual((await untilCaughtUp(phone.mailbox.messages(NEWS))).texts, ['hello'], 'nothing was remembered')
  assert.deepEqual((await untilCaughtUp(phone.mailbox.messages(NEWS))).texts, [])
})

test('two nodes that share a datastore share one outbox, and send once', async t => {
  const server = await mailhost(t)
  const datastore = new MemoryDatastore()
  const tabs = await Promise.all([reader(t, [server], { datastore }), reader(t, [server], { datastore })])
  const posts: string[] = []
  for (const { libp2p } of tabs) {
    const { waku } = libp2p.services
    const post = waku.post.bind(waku)
    waku.post = async (...args) => {
      const result = await post(...args)
      posts.push(result.envelope.hashHex)
      return result
    }
  }
  const sent = await Promise.all(tabs.map(async ({ mailbox }, i) => await mailbox.send({ ...hello, payload: `${i}` })))
  await Promise.all(sent.map(({ confirmed }) => confirmed))
  assert.deepEqual([posts.length, await stored(server)], [2, 2])
  // the other one takes over
  await tabs[0].stop()
  await (await tabs[1].mailbox.send({ ...hello, payload: '2' })).confirmed
  assert.deepEqual([posts.length, await stored(server)], [3, 3])
})

test('damaged letters are told of and taken out, a damaged lease is none', async t => {
  const server = await mailhost(t)
  const datastore = new MemoryDatastore()
  await datastore.put(new Key('/mailbox/outbox/000000000000000000000000-5'), Uint8Array.of(1, 2, 3))
  await datastore.put(new Key('/mailbox/lease'), Uint8Array.of(1, 2, 3))
  const phone = await reader(t, [server], { datastore })
  const troubles: string[] = []
  phone.mailbox.addEventListener('trouble', ({ detail }) => troubles.push(detail.name))
  await (await phone.mailbox.send(hello)).confirmed
  assert.deepEqual([await phone.mailbox.letters(), troubles], [[], ['MalformedError']])
})

test('a mailbox that could not work is not made', async t => {
  const peer = await newPeerId()
  const other = await newPeerId()
  const wrong = [
    { servers: [] },
    { servers: 'x' },
    { servers: ['x'] },
    { servers: [null] },
    { servers: [peer, peer] },
    { servers: [peer], password: '' },
    { servers: [peer], password: undefined },
    { servers: [peer], confirmations: 2 },
    { servers: [peer, other], confirmations: 0 },
    { servers: [peer], verified: 'yes' },
    { servers: [peer], interval: -1 },
    { servers: [peer], identity: new Uint8Array(3) },
    { servers: [peer], requestKey: new Uint8Array(3) }
  ]
  for (const init of wrong) {
    await assert.rejects(reader(t, [], init as never), { name: 'MailboxInitError' }, JSON.stringify(init))
  }
})
