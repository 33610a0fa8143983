import assert from 'node:assert/strict'
import { test } from 'node:test'
import * as FIGURES from '../../src/limits/figures.js'
import { MAX_ENVELOPES, MAX_PACKED_ENVELOPE, PACKET_OVERHEAD } from '../../src/wire/packet/messages.js'
import { MAX_FRAME, MAX_MAIL_CONTROL_FRAME } from '../../src/wire/packet/packet-frame.js'
import { MAX_TOPIC_INTEREST } from '../../src/wire/packet/status.js'
import { MAX_REQUEST_TOPICS } from '../../src/wire/request/history-request.js'
import { filesOf, rowsOf, sourceOf } from './source-table.js'

const KIB = 1024
const {
  throttle,
  pool,
  queues,
  packet,
  memory,
  libp2p,
  devp2p,
  connections,
  streams,
  request,
  page,
  asking,
  entrance
} = FIGURES
const { conversation, handshakes, identify, admin } = FIGURES

test('what is sent in vain: the figures agree with each other', () => {
  assert.ok(throttle.rateOfAll >= throttle.address.rate, 'one address alone has its whole rate')
  assert.ok(throttle.address.longest >= throttle.peer.longest)
  assert.ok(throttle.spacing <= throttle.peer.free, 'waiting alone costs no wait')
  assert.ok(packet.refused * throttle.judgement <= throttle.peer.rate * throttle.peer.longest, 'one packet is paid off')
  assert.ok(pool.peer.free >= pool.bytes, 'whoever connects has the whole pool once')
  assert.ok(pool.address.free >= pool.peer.free)
  const turnsMeanwhile = (handshakes.rateOfAll.perSecond * entrance.patience) / 1000
  assert.ok(handshakes.places <= turnsMeanwhile, 'who waits for a handshake has its turn in time')
  for (const places of Object.values(queues)) assert.ok(places > 0)
})

test('what fits a packet fits whatever carries it', () => {
  assert.equal(MAX_PACKED_ENVELOPE + PACKET_OVERHEAD, packet.max)
  assert.ok(MAX_FRAME > packet.max && MAX_FRAME < packet.max + KIB, 'a frame has a packet, and little else')
  assert.ok(page.most <= packet.max && page.full <= page.most && page.least <= page.full)
  assert.ok(packet.confirmations >= packet.max, 'what one packet is answered with finds room')
  assert.ok(conversation.ownBytes >= packet.max && pool.pack.bytes <= packet.max)
  assert.ok(pool.pack.envelopes <= MAX_ENVELOPES)
  assert.ok(devp2p.maxBody >= packet.max)
  assert.ok(devp2p.large >= packet.alone, 'one packet of envelopes waits for nothing that others sent in vain')
  assert.ok(devp2p.readAhead <= devp2p.large && devp2p.chunk <= devp2p.readAhead)
  assert.ok(packet.thread.waiting >= devp2p.maxBody, 'the largest message can be hashed in the thread')
  assert.ok(connections.webSocketMessage >= 64 * KIB, 'a message of noise')
})

test('who has not said what it is cannot make us hold much, and can say what it wants', () => {
  const statusOfMostTopics = 5 * MAX_TOPIC_INTEREST + KIB
  for (const first of [streams.packets.maxFirstFrame, devp2p.maxFirstBody]) {
    assert.ok(first >= statusOfMostTopics, 'a Status with all topics that one may name')
    assert.ok(first <= packet.max / 8)
  }
  assert.ok(MAX_MAIL_CONTROL_FRAME >= 5 * MAX_REQUEST_TOPICS + KIB, 'a request for all topics that one may name')
  assert.ok(request.waiting * MAX_MAIL_CONTROL_FRAME <= libp2p.readAhead, 'requests that wait are read')
  assert.ok(identify.maxMessage < memory.perStream)
})

test('what one stream or connection may hold is a small part of what all share', () => {
  assert.ok(streams.window < 4 * KIB * KIB, 'libp2p resets a stream whose unread bytes pass 4 MiB')
  assert.ok(streams.window < streams.largestWindow)
  assert.ok(memory.perStream < streams.highWater && streams.highWater < streams.window)
  assert.ok(memory.shared >= 2 * devp2p.maxBody, 'one peer with the largest message leaves room for others')
  assert.ok(memory.shared >= 16 * streams.window)
  assert.ok(page.ahead <= page.bytes && page.kept.max * page.bytes <= memory.shared)
})

test('no address has so many places that another finds none', () => {
  assert.ok(4 * connections.pendingPerAddress < connections.pending)
  assert.ok(connections.rate * (connections.upgrade / 1000) * 4 <= connections.pending)
  assert.ok(4 * devp2p.perAddress <= devp2p.inbound && 4 * devp2p.perAddress <= handshakes.places)
  assert.ok(devp2p.rate <= devp2p.perAddress && handshakes.noisyRate < devp2p.rate)
  assert.ok(connections.webRtcHandshakes <= connections.pending)
  for (const { perPeer, perAddress } of [streams.packets, streams.mail, streams.push]) {
    assert.ok(8 * perPeer <= perAddress, 'eight phones behind one address')
    assert.ok(perAddress <= connections.max)
  }
  assert.ok(connections.shared < 1 && connections.max < connections.records)
  assert.ok(request.maxPerPeer * 8 <= request.max)
  assert.ok(2 * page.kept.maxPerPeer <= page.kept.max)
  assert.ok(admin.followers < admin.connections)
})

test('each wait ends before whoever waits for it gives up', () => {
  assert.ok(entrance.patience < connections.upgrade && entrance.patience < devp2p.within.handshake)
  assert.ok(2 * devp2p.within.ping <= devp2p.within.read, 'who is silent was asked')
  assert.ok(
    devp2p.within.room > devp2p.within.read,
    'who holds memory and is silent is given up before who waits for it'
  )
  assert.ok(devp2p.close < devp2p.drain)
  assert.ok(streams.packets.close <= streams.close)
  assert.ok(devp2p.within.handshake <= devp2p.within.connect && devp2p.simultaneous >= devp2p.within.handshake)
  assert.ok(conversation.status < conversation.connect && streams.packets.open < conversation.connect)
  assert.ok(asking.within.first >= throttle.peer.longest, 'who waits for its debt is not given up')
  assert.ok(
    asking.within.dial < asking.reconnect &&
      asking.within.first < asking.within.page &&
      asking.within.between < asking.within.page
  )
  assert.ok(asking.pauses.longest < asking.pauses.longestTold && asking.pauses.longestTold < asking.reconnect)
  assert.ok(asking.ttl <= request.maxTtl, 'a server takes our requests')
  assert.ok(conversation.twins.window >= 2 * streams.packets.shortLife)
  for (const { first, longest } of [FIGURES.redial, streams.packets.reopen]) assert.ok(first < longest)
  for (const stop of [conversation.stop, request.stop]) assert.ok(stop < devp2p.drain)
})

test('what is asked of a mailserver behind this one ends before its requester gives up, and fits the same bounds', () => {
  const { within, answer, ahead, allowance, part, spent, slow, atOnce, requests } = FIGURES.upstream
  assert.ok(2 * within.dial <= within.first && within.first < within.all)
  assert.ok(within.all <= asking.within.page, 'a client of ours waits for it')
  assert.ok(part <= page.most && requests * part <= ahead.bytes && ahead.bytes <= answer.bytes)
  assert.ok(
    2 * (atOnce.libp2p + atOnce.little) <= Math.min(streams.mail.perPeer, request.maxPerPeer),
    'a server of ours takes them'
  )
  assert.ok(answer.bytes <= allowance.bytes, 'a requester may have an answer of any size')
  assert.ok(spent.least <= slow.cost && slow.cost < allowance.bytes)
})

test('a page of the server is one that a client of ours takes', () => {
  assert.ok(asking.windowPages * page.bytes <= asking.windowBytes)
  assert.ok(asking.bytes >= page.bytes)
  assert.ok(asking.windowPages <= request.waiting)
})

/** Rooms that a peer reaches, and those where an operator would look for what it can meet. */
const ROOMS = ['libp2p', 'devp2p', 'waku', 'mailserver', 'mailclient', 'limits', 'bridge', 'admin', 'node', 'wire']

/**
 * Figures in a source: a constant in capitals that is a number of two digits or more, a product, or a list of them; and any number
 * of three digits or more that is written out elsewhere, but for the few that only convert.
 */
function figuresOf(file: string, source: string): string[] {
  const code = source.replace(/\/\*[\s\S]*?\*\//g, '').replace(/\/\/.*$/gm, '')
  const found = new Set<string>()
  for (const line of code.split('\n')) {
    const text = line.replace(/'[^']*'|`[^`]*`|\/[^/\s]+\/[a-z]*/g, "''")
    const [, name, value = ''] = /^\s*(?:export )?const ([A-Z][A-Z0-9_]*)\b[^=]*= (.*)$/.exec(text) ?? []
    // the room of formats has no waits and no queues: what is no bound there is layout
    if (file.startsWith('wire/') && !/^(MAX|MIN|RANGE)_/.test(name ?? '')) continue
    if (name !== undefined && UNITS.test(name)) continue
    if (name !== undefined && /^(?:[\d_\s*+\-/().xa-f]|KIB|MIB|SECOND|MINUTE)+$/.test(value) && /\d/.test(value))
      found.add(name)
    else
      for (const number of literals(text))
        if (!file.startsWith('admin/') || !STATUS.test(number)) found.add(name ?? number)
  }
  return [...found].map(name => `${file} \`${name}\``)
}

/** Names of what only converts. */
const UNITS = /^(?:KIB|MIB|GIB|NANO|SECOND|MINUTE|HOUR|DAY|DAY_MS)$/
/** Of an answer over HTTP. */
const STATUS = /^[2-5]\d\d$/

/** Those of three digits or more, but for 256 of a byte, 1000 between units, and bits. */
function literals(text: string): string[] {
  return [...text.matchAll(/(?<![\w.#])\d[\d_]{2,}n?(?![\w.])/g)]
    .map(([number]) => number)
    .filter(number => !['1000', '256'].includes(number))
}

test('a figure stands in the table, or says elsewhere why it does not', () => {
  // how the operator's page writes things is no bound
  const files = filesOf(ROOMS).filter(file => file !== 'limits/figures.ts' && !file.startsWith('admin/page/'))
  const found = files.flatMap(file => figuresOf(file, sourceOf(file)))
  const rows = rowsOf('limits/numbers.md')
  assert.deepEqual(rows.map(([name]) => name).sort(), found.sort())
  for (const row of rows) assert.ok(row.length === 2 && row.every(cell => cell !== ''), row.join())
})

test('a new figure is found', () => {
  const source = [
    '/** 5000 in a comment */',
    'const WAIT = 5_000',
    'const MOST = 4 * KIB',
    'const DAY = 86_400',
    'const PLACES = 8',
    "const NAME = 'a 4096'",
    'setTimeout(stop, 30_000)',
    'const seconds = ms / 1000 // 77777',
    'const { a = 128 } = init'
  ].join('\n')
  assert.deepEqual(figuresOf('a.ts', source), [
    'a.ts `WAIT`',
    'a.ts `MOST`',
    'a.ts `PLACES`',
    'a.ts `30_000`',
    'a.ts `128`'
  ])
})
