import { concatBytes, fromHex } from '../src/wire/bytes.js'
import { bloomOf, envelopeMatchesBloom, fullBloom, lossyTopicBloom, topicBloom } from '../src/wire/envelope/bloom.js'
import { type Envelope, type EnvelopeFields, encodeEnvelope, encodeShortRlp } from '../src/wire/envelope/envelope.js'
import { keyFromPassword } from '../src/wire/envelope/key.js'
import { acceptablePow, mineRange, miningBits, powOf } from '../src/wire/envelope/pow.js'
import { topicFromName } from '../src/wire/envelope/topic.js'
import { leadingZeroBits } from '../src/wire/keccak.js'
import { encodePayload } from '../src/wire/payload/payload.js'
import { publicKeyOf } from '../src/wire/payload/signature.js'
import { sealSymmetric } from '../src/wire/payload/symmetric.js'
import { encodeCursor } from '../src/wire/request/cursor.js'
import { bytesOf, type VectorFile } from './vectors-file.js'

const T = 1_700_000_000

/** Envelopes that other files use too. */
export function someEnvelopes(): Envelope[] {
  return [0, 60, 300].map((length, i) =>
    encodeEnvelope({
      expiry: T + 10 + i,
      ttl: 10,
      topic: bytesOf('topic', 4),
      data: bytesOf(`data ${i}`, length),
      nonce: BigInt(i)
    })
  )
}

function described(name: string, fields: EnvelopeFields): object {
  const envelope = encodeEnvelope(fields)
  return {
    name,
    ...fields,
    rlp: envelope.raw,
    hash: envelope.hash,
    sent: envelope.sent,
    size: envelope.size,
    cursor: encodeCursor(envelope.sent, envelope.hash),
    shortRlp: envelope.shortRlp(),
    powHash: envelope.powHash,
    leadingZeroBits: leadingZeroBits(envelope.powHash),
    pow: powOf(envelope)
  }
}

export function envelopeFile(): VectorFile {
  const topic = fromHex('01020304')
  const tiny = { expiry: 0, ttl: 1, topic: new Uint8Array(4), data: fromHex('deadbeef') }
  const parity = { expiry: 100_000, ttl: 30, topic: new Uint8Array(4), data: new Uint8Array(256).fill(9) }
  const max = { expiry: 0xffff_ffff, ttl: 0xffff_ffff, topic: fromHex('ffffffff'), nonce: (1n << 64n) - 1n }
  const mined = [0.000002, 0.002, 0.05].map(target => {
    const fields = { expiry: T + 50, ttl: 50, topic, data: bytesOf('mined', 300) }
    const bits = miningBits(fields, target)
    const nonce = mineRange(encodeShortRlp(fields), bits, 0n, 1_000_000)
    if (nonce === undefined) throw new Error('nothing found')
    return { target, bits, ...fields, nonce, rlp: encodeEnvelope({ ...fields, nonce }).raw }
  })
  const small = encodeEnvelope({ ...tiny, nonce: 276n })
  const requirements = [256 / 24, 256 / 13, 256 / 12].map(requirement => ({
    rlp: small.raw,
    requirement,
    accepted: acceptablePow(small, requirement)
  }))
  return {
    about:
      'Envelopes: fields, canonical bytes, hash, proof of work. "mined": the first nonce from 0 with so many leading zero bits. ' +
      '"accepted": by the size of the list without nonce, or by 20 bytes and the data.',
    envelopes: [
      described('published', { ...tiny, nonce: 100_000n }),
      described('published, 8 zero bits', { ...tiny, nonce: 276n }),
      described('256 bytes of data', { ...parity, nonce: 1010101n }),
      described('256 bytes of data, 1 zero bit', { ...parity, nonce: 1010102n }),
      described('256 bytes of data, 2 zero bits', { ...parity, nonce: 1010103n }),
      described('empty data', { expiry: T + 10, ttl: 10, topic, data: new Uint8Array(0), nonce: 0n }),
      described('one byte of data below 0x80', { expiry: T, ttl: 1, topic, data: fromHex('7f'), nonce: 127n }),
      described('one byte of data from 0x80', { expiry: T, ttl: 1, topic, data: fromHex('80'), nonce: 128n }),
      described('55 bytes of data', { expiry: T, ttl: 255, topic, data: bytesOf('55', 55), nonce: 255n }),
      described('56 bytes of data', { expiry: T, ttl: 256, topic, data: bytesOf('56', 56), nonce: 256n }),
      described('everything at its largest', { ...max, data: bytesOf('max', 260) }),
      described('ttl 0', { expiry: T, ttl: 0, topic, data: bytesOf('ttl', 9), nonce: 1n }),
      described('ttl above expiry: sent wraps', { expiry: 5, ttl: 15, topic, data: bytesOf('wrap', 9), nonce: 1n })
    ],
    mined,
    accepted: requirements
  }
}

export function bloomFile(): VectorFile {
  const hexes = [
    '00000000',
    '01020304',
    'aabbccdd',
    'ffffffff',
    '00010200',
    '00010207',
    '0000ff06',
    '08090a00',
    'deadbeef'
  ]
  const topics = hexes.map(fromHex)
  const filters = [
    fullBloom(),
    new Uint8Array(64),
    new Uint8Array(0),
    bloomOf(topics.slice(0, 3)),
    topicBloom(fromHex('00010200')),
    lossyTopicBloom(fromHex('00010200'))
  ]
  return {
    about:
      'Bloom filters of topics: "bloom" is what a node announces, "lossy" is what an envelope is tested with. An empty filter is a full one. ' +
      '"names": the topic of a channel name.',
    topics: topics.map(topic => ({ topic, bloom: topicBloom(topic), lossy: lossyTopicBloom(topic) })),
    union: { topics, bloom: bloomOf(topics) },
    matches: filters.flatMap(filter =>
      [topics[1], topics[4], topics[8]].map(topic => ({
        filter,
        topic,
        match: envelopeMatchesBloom(filter, topic as Uint8Array)
      }))
    ),
    names: ['status', 'test', 'contact-discovery-17', 'пароль'].map(name => ({ name, topic: topicFromName(name) }))
  }
}

export async function kdfFile(): Promise<VectorFile> {
  const passwords = ['password', 'status-offline-inbox', 'test', '', 'пароль']
  const keys = await Promise.all(passwords.map(keyFromPassword))
  return {
    about: 'Symmetric keys of passwords: PBKDF2 with HMAC-SHA-256, no salt, 65356 iterations, 32 bytes.',
    keys: passwords.map((password, i) => ({ password, key: keys[i] }))
  }
}

export function payloadFile(): VectorFile {
  const key = bytesOf('symmetric key', 32)
  const signingKey = bytesOf('signing key', 32)
  const signer = publicKeyOf(signingKey)
  const written = [
    { length: 0, signed: false },
    { length: 3, signed: false },
    { length: 3, signed: true },
    { length: 188, signed: true },
    { length: 189, signed: true },
    { length: 253, signed: false },
    { length: 254, signed: false },
    { length: 255, signed: false },
    { length: 256, signed: true }
  ].map(({ length, signed }, i) => {
    const payload = bytesOf(`payload ${i}`, length)
    const iv = bytesOf(`iv ${i}`, 12)
    let padding: Uint8Array = new Uint8Array(0)
    const random = (size: number): Uint8Array => {
      padding = bytesOf(`padding ${i}`, size)
      return padding
    }
    const plaintext = encodePayload({ payload, random, ...(signed ? { signWith: signingKey } : {}) })
    const data = sealSymmetric(plaintext, key, { iv })
    return { payload, padding, ...(signed ? { signer } : {}), plaintext, iv, data }
  })
  const signed = encodePayload({ payload: fromHex('aabb'), padding: fromHex('cc'), signWith: signingKey })
  const v = signed[signed.length - 1] as number
  const later = concatBytes(signed.subarray(0, -1), Uint8Array.of(v + 27))
  const empty = new Uint8Array(0)
  return {
    about:
      'Payloads (26/WAKU2-PAYLOAD) under one symmetric key, with fixed iv and padding. Signatures are deterministic (RFC 6979). ' +
      '"read": plaintexts that nobody should write but everybody reads.',
    key,
    signingKey,
    written,
    read: [
      { name: 'v is 27 or 28', plaintext: later, payload: fromHex('aabb'), padding: fromHex('cc'), signer },
      { name: 'no length field', plaintext: fromHex('000102'), payload: empty, padding: fromHex('0102') },
      { name: 'flags only', plaintext: fromHex('00'), payload: empty, padding: empty },
      { name: 'no padding', plaintext: fromHex('0102aabb'), payload: fromHex('aabb'), padding: empty },
      {
        name: 'flag bits without a meaning',
        plaintext: fromHex('f901aabb'),
        payload: fromHex('aa'),
        padding: fromHex('bb')
      },
      {
        name: 'a wide length field',
        plaintext: fromHex('03010000aabb'),
        payload: fromHex('aa'),
        padding: fromHex('bb')
      }
    ]
  }
}
