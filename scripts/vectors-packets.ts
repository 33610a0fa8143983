import { fromHex } from '../src/wire/bytes.js'
import { fullBloom, topicBloom } from '../src/wire/envelope/bloom.js'
import { encodeBatchAck, encodeMessageResponse, RefusalCode } from '../src/wire/packet/confirmation.js'
import { batchHash, encodeMessages } from '../src/wire/packet/messages.js'
import { PacketCode } from '../src/wire/packet/packet-code.js'
import { encodeFrame } from '../src/wire/packet/packet-frame.js'
import { decodeStatusOptions, encodeStatusOptions, mergeStatus, type StatusOptions } from '../src/wire/packet/status.js'
import { encodeList, encodeString, encodeUint } from '../src/wire/rlp.js'
import { someEnvelopes } from './vectors-envelope.js'
import { bytesOf, type VectorFile } from './vectors-file.js'

export function frameFile(): VectorFile {
  const hash = bytesOf('hash', 32)
  const bodies: [string, number, Uint8Array][] = [
    ['empty Messages', PacketCode.Messages, fromHex('c0')],
    ['Status without options', PacketCode.Status, fromHex('c0')],
    ['empty P2P Message', PacketCode.P2PMessage, fromHex('c0')],
    ['Batch Ack', PacketCode.BatchAck, encodeBatchAck(hash)],
    ['Messages', PacketCode.Messages, encodeMessages(someEnvelopes().map(envelope => envelope.raw))],
    ['an unknown code', 0x21, encodeUint(5)],
    ['a length of two bytes', PacketCode.P2PMessage, encodeString(bytesOf('long', 200))]
  ]
  return {
    about:
      'Frames: varint length, then RLP([code, body]) with the body spliced in. "read": items behind the body are ignored.',
    frames: bodies.map(([name, code, body]) => ({ name, code, body, frame: encodeFrame(code, body) })),
    read: [{ name: 'a third item', code: 1, body: fromHex('c0'), frame: fromHex('06c501c0820102') }]
  }
}

const none = { ip: 0, peer: 0, topic: 0 }
const bloom = topicBloom(fromHex('aabbccdd'))
const topics = [fromHex('12345678')]

const statuses: [string, StatusOptions][] = [
  ['nothing', {}],
  ['proof of work 0', { pow: 0 }],
  ['proof of work', { pow: 0.002 }],
  ['the smallest proof of work', { pow: 5e-324 }],
  ['full bloom filter', { bloom: fullBloom() }],
  ['bloom filter', { bloom }],
  ['light node', { light: true }],
  ['no light node', { light: false }],
  ['confirmations', { confirmations: true }],
  ['packet limits', { packetLimits: { ip: 10, peer: 5, topic: 1 } }],
  ['topic interest', { topics: [fromHex('01000000'), fromHex('aabbccdd')] }],
  ['no interest', { topics: [] }],
  ['byte limits', { byteLimits: { ip: 1_000_000, peer: 500_000, topic: 0 } }],
  [
    'a full node',
    { pow: 0.002, bloom: fullBloom(), light: false, confirmations: true, packetLimits: none, byteLimits: none }
  ],
  ['a node of one topic', { pow: 0.002, light: false, topics }]
]

/** Bodies that are not written like this but read. */
const liberal: [string, Uint8Array[]][] = [
  ['descending keys', ['c705c58412345678', 'c20280', 'ca80883f60624dd2f1a9fc'].map(fromHex)],
  ['an unknown key first', ['c3630ac0', 'c20201'].map(fromHex)],
  ['an unknown key in the middle', ['c20280', 'c2630a', 'c20301'].map(fromHex)],
  ['an unknown key with a list', ['c463c20102', 'c20201'].map(fromHex)],
  ['a key of eight bytes', ['ca88414141414141414101', 'c20201'].map(fromHex)],
  ['a pair of three items', ['c3020105'].map(fromHex)],
  ['a repeated key, whose last value holds', ['c20201', 'c20280'].map(fromHex)],
  ['an empty bloom filter, which is full', ['c20180'].map(fromHex)],
  ['topics beside a bloom filter', [`f84301b840${'01'.repeat(64)}`, 'c705c58412345678'].map(fromHex)]
]

export function statusFile(): VectorFile {
  const merges: [StatusOptions, StatusOptions][] = [
    [{ pow: 0.1, bloom, light: false }, {}],
    [{ pow: 0.1, bloom }, { pow: 0 }],
    [{ bloom }, { topics }],
    [{ topics }, { bloom }],
    [
      { topics, light: true },
      { bloom, topics: [] }
    ],
    [{}, { bloom, topics }]
  ]
  return {
    about:
      'Options of Status (0x00) and Status Update (0x16). Limits are [ip, peer, topic] per second. "read": bodies that a reader takes. ' +
      '"merged": what a peer wants after an update.',
    written: statuses.map(([name, options]) => ({ name, options, body: encodeStatusOptions(options) })),
    read: liberal.map(([name, pairs]) => {
      const body = encodeList(pairs)
      return { name, body, options: decodeStatusOptions(body) }
    }),
    merged: merges.map(([current, update]) => ({ current, update, result: mergeStatus(current, update) }))
  }
}

export function messagesFile(): VectorFile {
  const raws = someEnvelopes().map(envelope => envelope.raw)
  const bodies = [[], raws.slice(1, 2), raws]
  const batch = batchHash(encodeMessages(raws))
  const hashes = someEnvelopes().map(envelope => envelope.hash)
  const responses = [
    [],
    [{ hash: hashes[0] as Uint8Array, code: RefusalCode.time, text: 'expired' }],
    hashes.map(hash => ({ hash, code: RefusalCode.other, text: '' }))
  ]
  return {
    about: 'Messages (0x01) with the hash that confirms them, Batch Ack (0x0b), Message Response (0x0c).',
    messages: bodies.map(envelopes => {
      const body = encodeMessages(envelopes)
      return { envelopes, body, batch: batchHash(body) }
    }),
    acks: [
      { name: 'as it is written', batch, body: encodeBatchAck(batch) },
      { name: 'a list, which is read too', batch, body: encodeList([encodeUint(1), encodeString(batch)]) }
    ],
    responses: responses.map(refused => ({ batch, refused, body: encodeMessageResponse({ batch, refused }) }))
  }
}

export function p2pMessageFile(): VectorFile {
  const raws = someEnvelopes().map(envelope => envelope.raw)
  const [single] = raws as [Uint8Array]
  return {
    about: 'P2P Message (0x7f): a list of envelopes. A single envelope without list is read too.',
    messages: [
      { name: 'no envelope', envelopes: [], body: encodeMessages([]) },
      { name: 'one envelope', envelopes: [single], body: encodeMessages([single]) },
      { name: 'three envelopes', envelopes: raws, body: encodeMessages(raws) },
      { name: 'a single envelope without list', envelopes: [single], body: single }
    ]
  }
}
