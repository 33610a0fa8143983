import assert from 'node:assert/strict'
import { test } from 'node:test'
import { generateKeyPair } from '@libp2p/crypto/keys'
import { peerIdFromPrivateKey } from '@libp2p/peer-id'
import { secp256k1 } from '@noble/curves/secp256k1.js'
import { partitionName } from '../../src/mailbox/recipient.js'
import { toHex } from '../../src/wire/bytes.js'
import { topicFromName } from '../../src/wire/envelope/topic.js'
import { isMessage, letters, mailhost, NEWS, type Reader, reader, untilCaughtUp } from './nodes.js'

test('what is sealed for a peer, however it is named, is opened by it alone', async t => {
  const server = await mailhost(t)
  const privateKey = await generateKeyPair('secp256k1')
  const peer = peerIdFromPrivateKey(privateKey)
  const writer = await reader(t, [server])
  const signWith = secp256k1.utils.randomSecretKey()
  const names = [
    peer,
    peer.toString(),
    peer.publicKey.raw,
    toHex(peer.publicKey.raw),
    `0x${toHex(secp256k1.Point.fromBytes(peer.publicKey.raw).toBytes(false))}`
  ]
  for (const [i, to] of names.entries()) {
    await (await writer.mailbox.send({ to, payload: `${i}`, signWith })).confirmed
  }
  const phone = await reader(t, [server], { privateKey })
  const { items, texts } = await untilCaughtUp(phone.mailbox.messages({ inbox: true }))
  assert.deepEqual(texts, ['0', '1', '2', '3', '4'])
  const first = items.find(isMessage)
  assert.deepEqual([first?.topic, first?.signer], ['inbox', secp256k1.getPublicKey(signWith, false)])
  // of another identity, which happens to share the topic
  const topic = topicFromName(partitionName(secp256k1.Point.fromBytes(peer.publicKey.raw).toBytes(false)))
  const other = await reader(t, [server])
  const { seams } = await untilCaughtUp(other.mailbox.messages({ topics: [topic], key: new Uint8Array(32).fill(1) }))
  assert.deepEqual([seams[0]?.messages, seams[0]?.unopened], [0, 5])
  // an identity of the application's in place of the node's
  const named = await reader(t, [server], { identity: privateKey.raw })
  assert.equal((await untilCaughtUp(named.mailbox.messages({ inbox: true }))).texts.length, 5)
})

test('the topic of a key is that of its partition: X mod 5000', () => {
  for (let i = 0; i < 20; i++) {
    const key = secp256k1.getPublicKey(secp256k1.utils.randomSecretKey(), false)
    const x = BigInt(`0x${toHex(key.subarray(1, 33))}`)
    assert.equal(partitionName(key), `contact-discovery-${x % 5000n}`)
  }
})

test('a node without such a key has no inbox, and says so', async t => {
  const phone = await reader(t, [await mailhost(t)], { privateKey: await generateKeyPair('Ed25519') })
  await assert.rejects(phone.mailbox.messages({ inbox: true }).next(), {
    name: 'MessagesQueryError',
    message: /no secp256k1 key/
  })
})

/** The topics that servers are asked for. */
function askedOf({ libp2p }: Reader): string[] {
  const asked: string[] = []
  const { mailclient } = libp2p.services
  const history = mailclient.history.bind(mailclient)
  mailclient.history = query => {
    asked.push((query.topics ?? []).map(toHex).join())
    return history(query)
  }
  return asked
}

test('asking for more topics than are wanted hides which, says how well, and asks for the same ones again', async t => {
  const server = await mailhost(t)
  await server.archive.append(letters(3))
  const phone = await reader(t, [server])
  const asked = askedOf(phone)
  const query = { ...NEWS, widen: 9 }
  const { texts, seams } = await untilCaughtUp(phone.mailbox.messages(query))
  assert.equal(texts.length, 3)
  assert.deepEqual(seams[0]?.anonymity, [
    { server: server.libp2p.peerId, asked: 10, wanted: 1, of: 1, chance: 0.1, bits: 3.32 }
  ])
  await phone.stop()
  const again = await reader(t, [server], { datastore: phone.datastore })
  const askedAgain = askedOf(again)
  assert.deepEqual((await untilCaughtUp(again.mailbox.messages(query))).texts, [])
  assert.equal(asked[0]?.split(',').length, 10)
  assert.deepEqual(asked[0]?.split(',').sort(), asked[0]?.split(','))
  assert.equal(askedAgain[0], asked[0])
  // who lacks the seed asks for others
  const other = await reader(t, [server])
  const askedOther = askedOf(other)
  await untilCaughtUp(other.mailbox.messages(query))
  assert.notEqual(askedOther[0], asked[0])
})
