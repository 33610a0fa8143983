import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { Readable } from 'node:stream'
import { test } from 'node:test'
import { exampleExport } from '../../scripts/example-export.js'
import { workedAnswer, workedRequest } from '../../scripts/vectors-coverage.js'
import { readExport } from '../../src/transfer/export-reader.js'
import { fromHex, joinBytes, toHex } from '../../src/wire/bytes.js'
import { lossyTopicBloom, topicBloom } from '../../src/wire/envelope/bloom.js'
import { encodeEnvelope, encodeShortRlp } from '../../src/wire/envelope/envelope.js'
import { keyFromPassword } from '../../src/wire/envelope/key.js'
import { powOf } from '../../src/wire/envelope/pow.js'
import { encodeBatchAck, encodeMessageResponse } from '../../src/wire/packet/confirmation.js'
import { encodeFrame } from '../../src/wire/packet/packet-frame.js'
import { encodeStatusOptions } from '../../src/wire/packet/status.js'
import { encodeCoverageAnswer } from '../../src/wire/request/coverage.js'
import { encodeCursor } from '../../src/wire/request/cursor.js'
import { type Dialect, encodeHistoryRequest } from '../../src/wire/request/history-request.js'
import { encodeRequestComplete } from '../../src/wire/request/request-complete.js'
import { RequestErrorCode } from '../../src/wire/request/request-error.js'
import { repositoryRoot } from '../helpers/repository.js'

const document = (name: string): string => readFileSync(join(repositoryRoot, 'protocols', name), 'utf8')
const spaceless = (text: string): string => text.replaceAll(/\s+/g, '')

/** The worked bytes of a document, without white space, must hold these. */
function shows(name: string, block: string, ...bytes: string[]): void {
  const fence = new RegExp(`\`\`\`hex ${block}\\n(.*?)\`\`\``, 's').exec(document(name))?.[1]
  assert.ok(fence !== undefined, `${name} has no block ${block}`)
  for (const expected of bytes)
    assert.ok(spaceless(fence).includes(spaceless(expected)), `${name}: ${block}: ${expected}`)
}

const example = encodeEnvelope({
  expiry: 0,
  ttl: 1,
  topic: new Uint8Array(4),
  data: fromHex('deadbeef'),
  nonce: 276n
})

test('the worked bytes of envelope.md are what the codecs write', async () => {
  shows('envelope.md', 'envelope', toHex(example.raw), example.hashHex)
  shows('envelope.md', 'pow', toHex(encodeShortRlp(example)), toHex(example.powHash), `pow ${powOf(example)}`)
  const topic = fromHex('00010200')
  assert.equal(toHex(topicBloom(topic)), `07${'00'.repeat(63)}`)
  assert.equal(toHex(lossyTopicBloom(topic)), `04${'00'.repeat(63)}`)
  shows('envelope.md', 'bloom', '07 then 63 zero bytes', '04 then 63 zero bytes')
  shows('envelope.md', 'kdf', toHex(await keyFromPassword('password')))
})

test('the worked bytes of packets.md are what the codecs write', () => {
  const hash = new Uint8Array(32).fill(0x11)
  shows(
    'packets.md',
    'frame',
    toHex(encodeFrame(0x01, fromHex('c0'))),
    toHex(encodeFrame(0x00, fromHex('c0'))),
    toHex(encodeFrame(0x7f, fromHex('c0'))),
    toHex(encodeFrame(0x0b, encodeBatchAck(hash))).replace('11'.repeat(32), '<32 bytes>')
  )
  const none = { ip: 0, peer: 0, topic: 0 }
  const full = encodeStatusOptions({
    pow: 0.002,
    bloom: new Uint8Array(64).fill(0xff),
    light: false,
    confirmations: true,
    packetLimits: none,
    byteLimits: none
  })
  shows(
    'packets.md',
    'status',
    toHex(full).replace('ff'.repeat(64), '<64 x ff>'),
    toHex(encodeStatusOptions({ pow: 0.002, light: false, topics: [fromHex('12345678')] }))
  )
  shows(
    'packets.md',
    'confirmation',
    toHex(encodeMessageResponse({ batch: hash, refused: [] })).replace('11'.repeat(32), '<batch hash>'),
    toHex(encodeBatchAck(hash)).replace('11'.repeat(32), '<batch hash>')
  )
})

test('the worked bytes of mailserver.md are what the codecs write', () => {
  const topic = fromHex('12345678')
  const bloom = topicBloom(topic)
  const request = { lower: 1577836800, upper: 1577923200, bloom, limit: 100 }
  const forms: [Dialect, boolean][] = [
    ['spec4', false],
    ['spec5', false],
    ['spec6t', true],
    ['sg6', false],
    ['sg7', true]
  ]
  for (const [dialect, named] of forms) {
    const bytes = toHex(encodeHistoryRequest(named ? { ...request, topics: [topic] } : request, dialect))
    shows('mailserver.md', 'request', `${dialect.toUpperCase()} ${bytes.replace(toHex(bloom), '<B64>')}`)
  }
  const requestId = new Uint8Array(32).fill(0x11)
  const lastHash = new Uint8Array(32).fill(0x22)
  const cursor = encodeCursor(1, lastHash)
  const named = (bytes: Uint8Array): string =>
    toHex(bytes)
      .replace(toHex(cursor), '<cursor>')
      .replace(toHex(requestId), '<request id>')
      .replace(toHex(lastHash), '<last hash>')
  shows(
    'mailserver.md',
    'completion',
    named(encodeRequestComplete({ requestId, lastHash })),
    named(encodeRequestComplete({ requestId, lastHash, cursor }))
  )
  const error = { code: RequestErrorCode.busy, text: 'busy', retryAfter: 2 }
  const refusal = encodeRequestComplete({ requestId, lastHash: new Uint8Array(32), error })
  shows('mailserver.md', 'error', named(refusal).replace(`a0${'00'.repeat(32)}`, 'a0<32 x 00>'))
})

test('the worked bytes of a digest in mailserver.md are what the codecs write', () => {
  shows(
    'mailserver.md',
    'digest',
    toHex(workedRequest).replace('aa'.repeat(16), '<16 x aa>'),
    toHex(encodeCoverageAnswer(workedAnswer)).replace('11'.repeat(32), '<32 x 11>')
  )
})

test('the error table of mailserver.md names every code', () => {
  const text = document('mailserver.md')
  for (const code of Object.values(RequestErrorCode)) assert.match(text, new RegExp(`^\\| ${code} \\| `, 'm'))
})

test('the worked bytes of export.md are what the codecs write, and are read again', async () => {
  const { binary, lines } = await exampleExport()
  shows('export.md', 'export', toHex(joinBytes(binary)))
  assert.ok(document('export.md').includes(`\`\`\`json export\n${lines}\`\`\``))
  for (const bytes of [binary, [new TextEncoder().encode(lines)]]) {
    const found: Uint8Array[] = []
    for await (const item of readExport(Readable.from(bytes))) if (item.kind === 'envelopes') found.push(...item.raws)
    assert.deepEqual(found.map(toHex), [toHex(example.raw)])
  }
})
