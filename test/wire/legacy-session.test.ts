import assert from 'node:assert/strict'
import { type TestContext, test } from 'node:test'
import { equalBytes, fromHex, joinBytes, toHex } from '../../src/wire/bytes.js'
import { decodeEnvelope } from '../../src/wire/envelope/envelope.js'
import { keyFromPassword } from '../../src/wire/envelope/key.js'
import {
  decodeBatchAck,
  decodeMessageResponse,
  encodeBatchAck,
  encodeMessageResponse
} from '../../src/wire/packet/confirmation.js'
import { isShortShh6, shh6Status, waku0Status } from '../../src/wire/packet/legacy-status.js'
import { batchHash, encodeMessages, splitMessages } from '../../src/wire/packet/messages.js'
import { PacketCode } from '../../src/wire/packet/packet-code.js'
import { waku1Status } from '../../src/wire/packet/status-codec.js'
import { decodePayload } from '../../src/wire/payload/payload.js'
import { openData } from '../../src/wire/payload/sealed-data.js'
import { p2pForm } from '../../src/wire/request/dialect.js'
import {
  type Dialect,
  encodeHistoryRequest,
  type HistoryRequest,
  type RawDialect
} from '../../src/wire/request/history-request.js'
import { legacyMail } from '../../src/wire/request/legacy-mail.js'
import { encodeP2PBodies } from '../../src/wire/request/p2p-body.js'
import { splitP2PMessage } from '../../src/wire/request/p2p-message.js'
import { encodePlainRequest } from '../../src/wire/request/plain-request.js'
import { encodeRawRequest } from '../../src/wire/request/raw-request.js'
import { type RecordedPacket, type RecordedSession, recordedSessions } from './legacy-vectors.js'

const FIRST_CODE = 16
/** The key that the recorded server opened asymmetric requests with; not that of its node. */
const SERVER_KEY = new Uint8Array(32).fill(5)
const STATUS = { 'waku/1': waku1Status, 'waku/0': waku0Status, 'shh/6': shh6Status }

/** What a session said so far, as a server would remember it. */
interface Asked {
  id: string
  dialect: Dialect
  request: HistoryRequest
}

class Replay {
  readonly counts = new Map<string, number>()
  #asked: Asked | undefined
  #batches: string[] = []
  #client = { short: false }
  #server = { short: false }

  constructor(
    readonly session: RecordedSession,
    readonly keys: ReadonlyMap<string, Uint8Array>
  ) {}

  read(packet: RecordedPacket): void {
    const what = this.#read(packet, fromHex(packet.payload))
    this.counts.set(what, (this.counts.get(what) ?? 0) + 1)
  }

  #read(packet: RecordedPacket, body: Uint8Array): string {
    switch (packet.code - FIRST_CODE) {
      case PacketCode.Status:
        return this.#status(packet, body)
      case PacketCode.Messages:
        return this.#messages(body)
      case PacketCode.BatchAck:
        assert.ok(this.#batches.includes(toHex(decodeBatchAck(body))))
        assert.equal(toHex(encodeBatchAck(decodeBatchAck(body))), packet.payload)
        return 'acknowledgements'
      case PacketCode.MessageResponse:
        assert.ok(this.#batches.includes(toHex(decodeMessageResponse(body).batch)))
        assert.equal(toHex(encodeMessageResponse(decodeMessageResponse(body))), packet.payload)
        return 'responses'
      case PacketCode.Request:
        return this.#request(packet, body)
      case PacketCode.P2PMessage:
        return this.#delivery(packet, body)
      case PacketCode.RequestComplete:
        return this.#complete(packet, body)
      default:
        assert.fail(`a packet of code ${packet.code}`)
    }
  }

  #status(packet: RecordedPacket, body: Uint8Array): string {
    const codec = STATUS[this.session.proto]
    const options = codec.decodeStatus(body)
    const short = this.session.proto === 'shh/6' && isShortShh6(body)
    if (packet.dir === 'in') this.#server.short = short
    else this.#client.short = short
    if (short) assert.deepEqual(codec.decodeStatus(codec.encodeStatus(options)).pow, options.pow)
    else assert.equal(toHex(codec.encodeStatus(options)), packet.payload)
    return 'statuses'
  }

  #messages(body: Uint8Array): string {
    const raws = splitMessages(body).map(item => decodeEnvelope(item.raw).raw)
    assert.ok(equalBytes(encodeMessages(raws), body))
    this.#batches.push(toHex(batchHash(body)))
    return 'messages'
  }

  #request(packet: RecordedPacket, body: Uint8Array): string {
    const codec = legacyMail({ capability: this.session.proto, plain: true, short: this.#client.short })
    const plain = codec.decodePlain?.(body)
    if (plain !== undefined) {
      this.#asked = { id: toHex(plain.requestId), dialect: plain.dialect, request: plain.read() }
      assert.equal(toHex(encodePlainRequest(plain.read(), plain.dialect, plain.requestId)), packet.payload)
      return plain.dialect
    }
    const envelope = decodeEnvelope(body)
    const key = this.keys.get(this.session.password ?? '') as Uint8Array
    const opened = openData(envelope.data, { symmetric: [key], asymmetric: [SERVER_KEY] })
    assert.ok(opened !== undefined)
    const { payload } = decodePayload(opened)
    const { dialect, request } = codec.decodePayload(payload)
    const again = dialect.startsWith('raw')
      ? encodeRawRequest(request, dialect as RawDialect)
      : encodeHistoryRequest(request, dialect)
    assert.equal(toHex(again), toHex(payload))
    this.#asked = { id: envelope.hashHex, dialect, request }
    return dialect
  }

  #delivery(packet: RecordedPacket, body: Uint8Array): string {
    const { dialect, request } = this.#asked as Asked
    const raws = splitP2PMessage(body).map(item => decodeEnvelope(item.raw).raw)
    // how the recorded server wrote, which is how we write to such a client
    const form = p2pForm(this.session.proto, { dialect, batch: request.batch, short: this.#client.short })
    assert.deepEqual(
      encodeP2PBodies(raws, form).map(parts => toHex(joinBytes(parts))),
      [packet.payload]
    )
    return form
  }

  #complete(packet: RecordedPacket, body: Uint8Array): string {
    const codec = legacyMail({ capability: this.session.proto })
    const complete = codec.decodeComplete(body)
    assert.equal(toHex(complete.requestId), this.#asked?.id)
    const again = codec.encodeComplete(complete, this.#asked?.dialect)
    // texts longer than we dare to send, one of them with bytes that are no text
    if (body.length > 102 || /\ufffd/.test(complete.error?.text ?? '')) assert.ok(again.length <= 102)
    else assert.equal(toHex(again), packet.payload)
    return complete.error === undefined ? 'completions' : 'errors'
  }
}

async function replays(context: TestContext): Promise<Replay[]> {
  const sessions = recordedSessions(context)
  const keys = new Map<string, Uint8Array>()
  for (const password of new Set(sessions.map(session => session.password ?? ''))) {
    keys.set(password, await keyFromPassword(password))
  }
  return sessions.map(session => new Replay(session, keys))
}

test('every packet of the recorded sessions is read, and written again byte for byte in the form of its capability and dialect [BR-06 D-01 D-03 PAY-10]', async context => {
  const all = await replays(context)
  const totals = new Map<string, number>()
  for (const replay of all) {
    for (const packet of replay.session.messages) {
      if (!packet.name.startsWith('sub+')) continue
      try {
        replay.read(packet)
      } catch (error) {
        throw new Error(`${replay.session.file} ${packet.dir} ${packet.name} ${packet.payload.slice(0, 80)}`, {
          cause: error
        })
      }
    }
    for (const [what, count] of replay.counts) totals.set(what, (totals.get(what) ?? 0) + count)
  }
  if (all.length === 0) return
  for (const what of [
    'sg7',
    'plain6',
    'plain7',
    'raw8',
    'raw72',
    'raw76',
    'list',
    'lists-of-one',
    'bare',
    'list-or-bare'
  ]) {
    assert.ok((totals.get(what) ?? 0) > 0, `no session has ${what}`)
  }
  for (const what of ['statuses', 'messages', 'acknowledgements', 'responses', 'completions', 'errors']) {
    assert.ok((totals.get(what) ?? 0) >= 8, `too few ${what}: ${totals.get(what)}`)
  }
})
