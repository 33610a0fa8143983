import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { join } from 'node:path'
import { encodeDisconnect } from '../../src/devp2p/disconnect.js'
import { formatEnode } from '../../src/devp2p/enode.js'
import { createAck, createAuth, openAuth } from '../../src/devp2p/handshake.js'
import { encodeHello } from '../../src/devp2p/hello.js'
import { NodeKey } from '../../src/devp2p/node-key.js'
import { literalHeader } from '../../src/devp2p/snappy.js'
import { encodeBookmark } from '../../src/mailbox/bookmark.js'
import { encodeLetter } from '../../src/mailbox/letter.js'
import { writeCursor } from '../../src/mailclient/history-cursor.js'
import { encodeEnd, encodeHead, encodeRecord, encodeSignature } from '../../src/transfer/export-binary.js'
import type { ExportHead } from '../../src/transfer/export-item.js'
import { endToLine, headToLine } from '../../src/transfer/export-lines.js'
import { concatBytes, fromHex, joinBytes } from '../../src/wire/bytes.js'
import { eciesSeal } from '../../src/wire/payload/ecies.js'
import { encodeCursor } from '../../src/wire/request/cursor.js'
import { encodeExtensions } from '../../src/wire/request/extension.js'
import { encodeRawRequest } from '../../src/wire/request/raw-request.js'
import { decodeItem, encodeList, encodeString, encodeUint } from '../../src/wire/rlp.js'
import { recipient } from '../../test/fuzz/targets/handshake-packet.js'
import { bytesOf } from '../vectors-file.js'

// Writes what is missing in test/fuzz/corpus, from protocols/vectors and from what our encoders write; run from the checkout:
//   npm run --silent build && node dist/scripts/fuzz/corpus.js

const { compress } = createRequire(import.meta.url)('snappyjs') as { compress(bytes: Uint8Array): Uint8Array }
const MOST = 16
const LONGEST = 700
const text = (...lines: string[]): Uint8Array[] => lines.map(line => new TextEncoder().encode(line))

/** All bytes under the keys, in files of vectors, that the path names: `request.read.payload`. */
function vectors(...paths: string[]): Uint8Array[] {
  return paths.flatMap(path => {
    const [file, ...keys] = path.split('.')
    const json: unknown = JSON.parse(readFileSync(join('protocols', 'vectors', `${file}.json`), 'utf8'))
    const under = keys.reduce<unknown[]>((found, key) => found.flatMap(item => valuesOf(item, key)), [json])
    return under.filter(value => typeof value === 'string').map(hex => fromHex(hex as string))
  })
}

function valuesOf(item: unknown, key: string): unknown[] {
  const value = (item as Record<string, unknown>)[key]
  return Array.isArray(value) ? value.flat() : value === undefined ? [] : [value]
}

/** `MOST` of them, from all along. */
function some(inputs: Uint8Array[]): Uint8Array[] {
  const short = [...new Map(inputs.filter(({ length }) => length <= LONGEST).map(all => [String(all), all])).values()]
  const step = Math.max(1, short.length / MOST)
  return Array.from({ length: Math.min(MOST, short.length) }, (_, i) => short[Math.floor(i * step)] as Uint8Array)
}

const frames = vectors('frame.frames.frame', 'frame.read.frame')
const requests = vectors('request.written.payload', 'request.read.payload', 'malformed.requests.payload')
const statuses = vectors('status.written.body', 'status.read.body', 'malformed.statuses.bytes')
const legacyStatuses = vectors('legacy-status.written.status', 'legacy-status.written.update.body')
const bloom = bytesOf('bloom', 64)
const cursor = encodeCursor(1_600_000_000, bytesOf('hash', 32))
const raw = { lower: 1_600_000_000, upper: 1_600_086_400, limit: 100, bloom, topics: [fromHex('01020304')] }
const other = new NodeKey(bytesOf('another key', 32))
const enode = { id: other.id, host: '192.0.2.1', port: 30_303 }

const head: ExportHead = {
  id: bytesOf('id', 16),
  created: 1_600_086_400,
  salt: bytesOf('salt', 32),
  lower: 1_600_000_000,
  upper: 1_600_086_400,
  coverage: {
    since: 1_600_000_000,
    oldest: 0,
    sequence: bytesOf('sequence', 16),
    gaps: [{ from: 1_600_000_000, until: 1_600_000_600, kind: 1, count: 3 }],
    more: false
  }
}
const end = { count: 0, fingerprint: bytesOf('fingerprint', 32) }
/** As the target of exports reads it: kind, length in a byte, payload. */
const asFrame = (frame: Uint8Array): Uint8Array =>
  concatBytes(frame.subarray(0, 1), frame.subarray(4, 5), frame.subarray(5, -4))

function handshakes(): { bodies: Uint8Array[]; packets: Uint8Array[] } {
  const auth = [bytesOf('signature', 65), other.id, bytesOf('nonce', 32)]
  const ack = [other.id, bytesOf('nonce', 32)]
  const eip8 = [auth, ack].map(items => encodeList([...items.map(encodeString), encodeUint(4)]))
  const created = createAuth(other, recipient.id)
  const legacyAuth = concatBytes(
    bytesOf('signature', 65),
    bytesOf('hash', 32),
    other.id,
    bytesOf('nonce', 32),
    Uint8Array.of(0)
  )
  return {
    bodies: [
      ...eip8.map(body => concatBytes(body, bytesOf('padding', 40))),
      encodeList(auth.map(encodeString)),
      encodeList([...auth, ...auth].map(encodeString)),
      legacyAuth,
      legacyAuth.subarray(0, 90)
    ],
    packets: [
      created.packet,
      createAck(openAuth(createAuth(recipient, other.id).packet, other, 'eip8')).packet,
      eciesSeal(legacyAuth, recipient.publicKey),
      created.packet.subarray(0, 200)
    ]
  }
}
const { bodies, packets } = handshakes()

const hello = { version: 5, client: 'fuzz/1', capabilities: [{ name: 'waku', version: 1 }], port: 30_303, id: other.id }
const repeating = joinBytes(Array.from({ length: 40 }, (_, i) => bytesOf(`block ${i % 3}`, 9 + (i % 5))))

const corpora: Record<string, Uint8Array[]> = {
  rlp: [...some(requests).slice(0, 8), ...vectors('malformed.messages.bytes', 'messages.messages.body')],
  envelope: vectors('envelope.envelopes.rlp', 'malformed.envelopes.bytes'),
  messages: vectors('messages.messages.body', 'p2p-message.messages.body', 'legacy-p2p-message.bodies.two'),
  payload: vectors('payload.read.plaintext', 'malformed.plaintexts.bytes', 'payload.written.plaintext'),
  frame: frames.map(frame => frame.subarray((frame[0] as number) < 0x80 ? 1 : 2)),
  'frame-buffer': [...frames, joinBytes(frames), ...text('\x05\x00')].map((stream, i) =>
    concatBytes(Uint8Array.of(3 * i), stream)
  ),
  'rlpx-frame': [0, 1, 0x10, 0x7f, 0x90, 0x100].map(id =>
    concatBytes(Uint8Array.of(id % 40, id % 90), encodeUint(id), bytesOf('body', 7 + (id % 40)))
  ),
  request: [
    ...some([...requests, ...vectors('legacy-request.vectors.payload')]).slice(0, MOST - 5),
    ...(['raw8', 'raw12', 'raw72', 'raw76', 'raw112'] as const).map(dialect =>
      encodeRawRequest({ ...raw, ...(dialect === 'raw112' && { cursor }) }, dialect)
    )
  ],
  'request-plain': vectors('legacy-request.vectors.body'),
  completion: vectors('completion.written.body', 'completion.read.body', 'malformed.completions.bytes'),
  'completion-string': vectors('legacy-completion.vectors.string', 'legacy-completion.vectors.list').filter(
    (_, i) => i % 3 !== 2
  ),
  status: [...some(statuses).slice(0, 8), ...some(legacyStatuses).slice(0, 8)],
  coverage: vectors('coverage.sequence.cursor', 'coverage.questions.value', 'coverage.answers.value'),
  confirmation: [...vectors('messages.acks.body', 'messages.responses.body'), fromHex('c0')],
  handshake: bodies,
  'handshake-packet': packets,
  hello: [
    encodeHello(hello),
    encodeHello({ ...hello, version: 4, capabilities: [] }),
    ...[4, 0x10, 0xff].map(encodeDisconnect),
    ...['', '04', 'c0', '8110', 'c28110', 'c3010203'].map(fromHex)
  ],
  snappy: [
    compress(repeating),
    compress(new Uint8Array(300)),
    concatBytes(literalHeader(70), bytesOf('literal', 70)),
    ...['00', '0400ff', '0c0861626309030a', 'ffffffffff00'].map(fromHex)
  ],
  cursor: [cursor, cursor.subarray(1), ...text(writeCursor(other.peerId, cursor), '/')],
  extension: [
    encodeExtensions(new Map([[0, decodeItem(encodeList([encodeUint(10), encodeString(text('busy')[0] ?? cursor)]))]])),
    encodeExtensions(new Map([1, 2, 70_000].map(key => [key, decodeItem(encodeString(cursor))]))),
    ...['c0', 'c3c20180', 'c6c20180c20102', 'c2c101', 'c4c3c00180'].map(fromHex)
  ],
  export: [
    ...text(
      new TextDecoder().decode(headToLine(head)) + new TextDecoder().decode(endToLine(end)),
      '{"raw":"0xc0"}\n{}\n'
    ),
    joinBytes([...encodeHead(head).slice(1), encodeEnd(end)].map(asFrame)),
    joinBytes(
      [...encodeHead({ ...head, topics: [raw.topics[0] as Uint8Array], from: other.publicKey }).slice(1)].map(asFrame)
    ),
    asFrame(encodeRecord({ name: 'password', bytes: bytesOf('secret', 9) })),
    asFrame(encodeSignature(bytesOf('signature', 65)))
  ],
  mailbox: [
    encodeLetter({
      topic: raw.topics[0] as Uint8Array,
      data: bytesOf('data', 40),
      ttl: 600,
      wanted: 2,
      confirmedBy: []
    }),
    encodeLetter({
      topic: raw.topics[0] as Uint8Array,
      data: bytesOf('data', 9),
      ttl: 1,
      wanted: 1,
      confirmedBy: ['16Uiu2', '']
    }),
    encodeBookmark({ cursor: 'there', from: 1_600_000_000, readAt: 1_600_086_400, gaps: head.coverage.gaps }),
    ...text('{"gaps":[{"from":1}],"from":-1}', 'null')
  ],
  enode: text(
    formatEnode(enode),
    formatEnode({ ...enode, host: '2001:db8::1', discoveryPort: 30_301 }),
    formatEnode({ ...enode, host: 'mail.example.org' }),
    'enode://'
  ),
  values: text(
    ...['30d', '1h30m', '90', 'now', '2026-01-31T12:00:00Z', '2026-01-31 12:00', '64MiB', '1.5 GB', '0x01020304'],
    ...['news', '0.0.0.0:30303', '[::]:0', '/ip4/127.0.0.1/tcp/30304', 'any', formatEnode(enode)],
    `/dns4/mail.example.org/tcp/30304/p2p/${other.peerId.toString()}`,
    other.peerId.toString()
  ),
  config: text(
    '{}',
    '{"retention": "30d", "max-ttl": "24h", "min-pow": 0.002, "archive-topics": ["news", "0x01020304"]}',
    '{"listen": ["/ip4/0.0.0.0/tcp/0"], "devp2p-listen": "[::]:30303", "no-devp2p": true, "page-bytes": "64MiB"}',
    `{"peer": "${formatEnode(enode)}", "forward-for": "any", "require-signature": "peer", "request-pow": "0"}`,
    '{"once": true}',
    '{"retention": "30 days"}',
    '{"retention-size": "10GiB", "retention-count": "1000000", "retention-topics": ["news=7d", "0x01020304=forever/1GiB"]}',
    '[]'
  )
}

for (const [target, inputs] of Object.entries(corpora)) {
  const folder = join('test', 'fuzz', 'corpus', target)
  mkdirSync(folder, { recursive: true })
  for (const [i, input] of some(inputs).entries()) {
    const file = join(folder, String(i).padStart(2, '0'))
    if (!existsSync(file)) writeFileSync(file, input)
  }
}
