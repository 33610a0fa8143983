import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { HistoryQuery } from '../../src/mailclient/history-query.js'
import type { MailClientInit } from '../../src/mailclient/settings.js'
import { equalBytes } from '../../src/wire/bytes.js'
import { topicBloom } from '../../src/wire/envelope/bloom.js'
import type { Envelope } from '../../src/wire/envelope/envelope.js'
import { parseTopic } from '../../src/wire/envelope/topic.js'
import { PacketCode } from '../../src/wire/packet/packet-code.js'
import { encodeCursor } from '../../src/wire/request/cursor.js'
import type { HistoryRequest } from '../../src/wire/request/history-request.js'
import { EMPTY_LIST, encodeList, encodeString } from '../../src/wire/rlp.js'
import { newEnvelope } from '../helpers/envelopes.js'
import { inOrder } from '../mailserver/fixture.js'
import { KEY } from '../mailserver/request-maker.js'
import {
  against,
  BLUE,
  complete,
  cursorOf,
  deliver,
  FROM,
  hashesOf,
  honest,
  NO_HASH,
  opened,
  RED,
  raws,
  some,
  TO
} from './lying-server.js'
import { clientNode, lyingServer, type Script } from './mail-nodes.js'

test('what was not asked for is dropped and counted, what was comes through [MAIL-38] [D-10]', async t => {
  const good = some(3)
  const foreign = [
    newEnvelope({ sent: FROM - 1, topic: RED }),
    newEnvelope({ sent: TO + 1, topic: RED }),
    newEnvelope({ sent: FROM, topic: BLUE })
  ]
  const { envelopes, error, client } = await against(t, async line => {
    const request = await line.request()
    await line.send(PacketCode.P2PMessage, encodeList([...raws(foreign), EMPTY_LIST, ...raws(good)]))
    await complete(line, { requestId: request.hash, lastHash: (good[2] as Envelope).hash })
  })
  assert.equal(error, undefined)
  assert.deepEqual(hashesOf(envelopes), hashesOf(good))
  assert.equal(client.client.tally.get('envelopes_foreign'), 4)
})

test('an array and a single envelope are both read [MAIL-25]', async t => {
  const [first, second] = some(2) as [Envelope, Envelope]
  const { envelopes, error } = await against(t, async line => {
    const request = await line.request()
    await line.send(PacketCode.P2PMessage, first.raw)
    await line.send(PacketCode.P2PMessage, EMPTY_LIST)
    await deliver(line, [second])
    await complete(line, { requestId: request.hash, lastHash: second.hash })
  })
  assert.equal(error, undefined)
  assert.deepEqual(hashesOf(envelopes), hashesOf([first, second]))
})

test('an envelope that is not canonical is dropped', async t => {
  const [good] = some(1) as [Envelope]
  const padded = encodeList([
    Uint8Array.of(0x85, 0, ...good.raw.subarray(3, 7)),
    encodeString(Uint8Array.of(60)),
    encodeString(RED),
    encodeString(new Uint8Array(9)),
    Uint8Array.of(0x80)
  ])
  const { envelopes, error, client } = await against(t, async line => {
    const request = await line.request()
    await line.send(PacketCode.P2PMessage, encodeList([padded, good.raw]))
    await complete(line, { requestId: request.hash, lastHash: good.hash })
  })
  assert.equal(error, undefined)
  assert.deepEqual(hashesOf(envelopes), [good.hashHex])
  assert.equal(client.client.tally.get('envelopes_foreign'), 1)
})

test('an envelope that comes twice, in a page or over pages, is passed on once [D-10]', async t => {
  const [a, b, c] = some(3) as [Envelope, Envelope, Envelope]
  const { envelopes, error } = await against(t, async line => {
    await honest(line, await line.request(), [a, a, b, b], true)
    await honest(line, await line.request(), [a, b, c])
  })
  assert.equal(error, undefined)
  assert.deepEqual(hashesOf(envelopes), hashesOf([a, b, c]))
})

test('a server that goes from new to old is followed all the same', async t => {
  const newestFirst = some(6).reverse()
  const { envelopes, error } = await against(t, async line => {
    await honest(line, await line.request(), newestFirst.slice(0, 2), true)
    await honest(line, await line.request(), newestFirst.slice(2, 4), true)
    await honest(line, await line.request(), newestFirst.slice(4))
  })
  assert.equal(error, undefined)
  assert.deepEqual(hashesOf(envelopes), hashesOf(newestFirst))
})

/** Scripts of servers that break their word, and what they are told. */
const lies: Array<
  [name: string, reason: string, script: Script, query?: Partial<HistoryQuery>, init?: MailClientInit]
> = [
  [
    'more envelopes than the limit',
    'limit',
    async line => honest(line, await line.request(), some(11)),
    { pageSize: 10 }
  ],
  [
    'too many foreign envelopes',
    'foreign',
    async line =>
      honest(
        line,
        await line.request(),
        Array.from({ length: 101 }, () => newEnvelope({ topic: BLUE }))
      ),
    { pageSize: 10 }
  ],
  [
    'too many copies of one envelope',
    'foreign',
    async line => honest(line, await line.request(), new Array<Envelope>(102).fill(some(1)[0] as Envelope)),
    { pageSize: 10 }
  ],
  [
    'too many bytes',
    'bytes',
    async line => honest(line, await line.request(), some(40)),
    {},
    { maxRequestBytes: 10_000 }
  ],
  [
    'a body that is no list',
    'malformed',
    async line => {
      await line.request()
      await line.send(PacketCode.P2PMessage, encodeString(new Uint8Array(60)))
    }
  ],
  [
    'a completion that is none',
    'malformed',
    async line => {
      await line.request()
      await line.send(PacketCode.RequestComplete, encodeList([encodeString(new Uint8Array(31))]))
    }
  ],
  [
    'a cursor of 35 bytes',
    'malformed',
    async line => {
      const { hash } = await line.request()
      const items = [hash, NO_HASH, new Uint8Array(35)].map(encodeString)
      await line.send(PacketCode.RequestComplete, encodeList(items))
    }
  ],
  [
    'another last hash than that of the last envelope',
    'last-hash',
    async line => {
      const { hash: requestId } = await line.request()
      const [a, b] = some(2) as [Envelope, Envelope]
      await deliver(line, [a, b])
      await complete(line, { requestId, lastHash: a.hash })
    }
  ],
  [
    'a last hash where nothing was sent',
    'last-hash',
    async line => {
      const { hash: requestId } = await line.request()
      await complete(line, { requestId, lastHash: requestId })
    }
  ],
  [
    'a cursor on an empty page',
    'empty-pages',
    async line => {
      const { hash: requestId } = await line.request()
      await complete(line, { requestId, cursor: encodeCursor(FROM, NO_HASH) })
    }
  ],
  [
    'the same cursor again',
    'cursor',
    async line => {
      const page = some(2)
      await honest(line, await line.request(), page, true)
      await honest(line, await line.request(), page, true)
    }
  ],
  [
    'a cursor that goes back',
    'cursor',
    async line => {
      const [a, b, c, d] = some(4) as [Envelope, Envelope, Envelope, Envelope]
      await honest(line, await line.request(), [a, b, c], true)
      const { hash: requestId } = await line.request()
      await deliver(line, [d])
      await complete(line, { requestId, lastHash: d.hash, cursor: cursorOf(b) })
    }
  ],
  [
    'a cursor in the middle of its page',
    'cursor',
    async line => {
      const { hash: requestId } = await line.request()
      const [a, b, c] = some(3) as [Envelope, Envelope, Envelope]
      await deliver(line, [a, b, c])
      await complete(line, { requestId, lastHash: c.hash, cursor: cursorOf(b) })
    }
  ],
  [
    'a cursor outside the range',
    'cursor',
    async line => {
      const { hash: requestId } = await line.request()
      const [a] = some(1) as [Envelope]
      await deliver(line, [a])
      await complete(line, { requestId, lastHash: a.hash, cursor: encodeCursor(TO + 1, NO_HASH) })
    }
  ],
  [
    'pages for ever without anything that was asked for',
    'empty-pages',
    async line => {
      for (let sent = FROM; ; sent++) {
        const { hash: requestId } = await line.request()
        const foreign = newEnvelope({ sent, topic: BLUE })
        await deliver(line, [foreign])
        await complete(line, { requestId, lastHash: foreign.hash, cursor: encodeCursor(sent, foreign.hash) })
      }
    }
  ]
]

for (const [name, reason, script, query, init] of lies) {
  test(`a server is given up and reported for: ${name} [MAIL-38] [D-10]`, async t => {
    const { error, reports, envelopes } = await against(t, script, query, init)
    assert.equal(error?.name, 'MisbehavingServerError', String(error))
    assert.equal(error?.reason, reason)
    assert.deepEqual(reports, [reason])
    const ordered = inOrder(envelopes)
    assert.equal(new Set(hashesOf(ordered)).size, envelopes.length, 'nothing came twice')
  })
}

test('nothing of a page that turns out to be wrong is delivered', async t => {
  let delivered = 0
  const server = await lyingServer(t, async line => {
    const { hash: requestId } = await line.request()
    await deliver(line, some(3))
    await complete(line, { requestId, lastHash: NO_HASH })
  })
  const client = await clientNode(t, [server], { retries: 0 })
  client.waku.subscribe({}, () => delivered++)
  const history = client.client.history({ server: server.libp2p.peerId, from: FROM, to: TO, requestKey: KEY })
  await assert.rejects(history.next(), { name: 'MisbehavingServerError' })
  assert.equal(delivered, 0)
})

test('a completion with another id is not that of this request [MAIL-31]', async t => {
  const [good] = some(1) as [Envelope]
  const { envelopes, error, client } = await against(t, async line => {
    const request = await line.request()
    await complete(line, { requestId: new Uint8Array(32).fill(1) })
    await honest(line, request, [good])
  })
  assert.equal(error, undefined)
  assert.deepEqual(hashesOf(envelopes), [good.hashHex])
  assert.equal(client.client.tally.get('completions_foreign'), 1)
})

test('other codes are ignored and counted', async t => {
  const { error, client } = await against(t, async line => {
    const request = await line.request()
    for (const code of [0x00, 0x01, 0x33, 0x7e]) await line.send(code, EMPTY_LIST)
    await honest(line, request, [])
  })
  assert.equal(error, undefined)
  assert.equal(client.client.tally.get('packets_unknown'), 4)
})

test('a request says topics and their bloom, and the same range on every page [MAIL-07] [MAIL-08] [MAIL-10] [MAIL-12]', async t => {
  const requests: HistoryRequest[] = []
  const sealed: Envelope[] = []
  let clock = Math.floor(Date.now() / 1000)
  const { error } = await against(
    t,
    async line => {
      for (let i = 0; i < 3; i++) {
        const request = await line.request()
        sealed.push(request)
        requests.push(opened(request))
        clock += 5
        await honest(line, request, some(1, FROM + i), i < 2)
      }
    },
    { to: undefined, pageSize: 10, limit: 15 },
    { now: () => clock }
  )
  assert.equal(error, undefined)
  const [first, ...others] = requests as [HistoryRequest, ...HistoryRequest[]]
  assert.deepEqual(first.topics, [RED])
  assert.equal(equalBytes(first.bloom ?? NO_HASH, topicBloom(RED)), true)
  assert.deepEqual([first.lower, first.limit, first.cursor], [FROM, 10, undefined])
  assert.equal(first.upper, clock - 15 + 60)
  for (const other of others) assert.deepEqual([other.lower, other.upper], [first.lower, first.upper])
  assert.deepEqual(
    requests.map(({ limit }) => limit),
    [10, 10, 10]
  )
  for (const { topic, ttl } of sealed) assert.deepEqual([[...topic], ttl], [[0, 0, 0, 0], 50])
})

test('where a form cannot name topics, what the bloom lets through beside is left out and not held against the server', async t => {
  // two topics that share all bits of the bloom
  const [wanted, twin] = [parseTopic('0x01020300'), parseTopic('0x03020100')]
  const envelopes = [0, 1, 2, 3].map(i => newEnvelope({ sent: FROM + i, topic: i % 2 === 0 ? wanted : twin }))
  const outcome = await against(
    t,
    async line => {
      const request = await line.request()
      assert.equal(opened(request).topics, undefined)
      await honest(line, request, envelopes)
    },
    { topics: [wanted], dialect: 'spec5' }
  )
  assert.equal(outcome.error, undefined)
  assert.deepEqual(hashesOf(outcome.envelopes), hashesOf([envelopes[0], envelopes[2]] as Envelope[]))
  assert.equal(outcome.client.client.tally.get('envelopes_beside'), 2)
  assert.equal(outcome.client.client.tally.get('envelopes_foreign'), 0)
})
