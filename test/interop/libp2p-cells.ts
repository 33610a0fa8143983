import assert from 'node:assert/strict'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { peerIdFromString } from '@libp2p/peer-id'
import { Daemon } from '../../src/node/daemon.js'
import { ClientPeer } from '../../src/node/peer/client-peer.js'
import { readConfig } from '../../src/node/settings/config.js'
import { parsePeerAddress } from '../../src/node/settings/peer-address.js'
import { startShape } from '../../src/node/settings/start-config.js'
import { toHex } from '../../src/wire/bytes.js'
import type { Envelope } from '../../src/wire/envelope/envelope.js'
import { topicFromName } from '../../src/wire/envelope/topic.js'
import { newEnvelope } from '../helpers/envelopes.js'
import { until } from '../helpers/waku-node.js'
import { tempDir } from '../node/temp-dir.js'
import { type Cell, type CellScope, MAIL_PASSWORD } from './cell.js'
import { GoPeer, hashesIn } from './go-peer.js'
import { archiveAt, assertExactly, hashesOf, makeHistory, TOPIC } from './history.js'

/** How the peer in Go writes a stream: see go/README.md. */
type Manner = { halfClose?: boolean; eager?: boolean; bytewise?: boolean; end?: 'reset' | 'disconnect' | 'cut' }

const MANNERS: ReadonlyArray<[name: string, manner: Manner]> = [
  ['negotiated lazily', {}],
  ['negotiated lazily, half-closed at once', { halfClose: true }],
  ['negotiated first', { eager: true }],
  ['negotiated first, half-closed at once', { eager: true, halfClose: true }],
  ['one byte at a time', { bytewise: true }],
  ['one byte at a time, half-closed', { bytewise: true, halfClose: true }]
]
const TRIES = 8
/** Each takes a second or so. */
const SLOW_TRIES = 2
const COUNT = 30
const PAGE = 7
const PATIENCE = 20_000

/** An answer as the peer in Go read it. */
interface Answer {
  envelopes: string[]
  cursor: string
  error: number
}

const hex = ({ raw }: Envelope): string => `0x${toHex(raw)}`

/** This node as `start` runs it, and a peer in Go that is connected to it. */
async function theyAndWe(scope: CellScope, flags: Record<string, unknown> = {}) {
  const dir = tempDir(scope)
  writeFileSync(join(dir, 'mail'), `${MAIL_PASSWORD}\n`, { mode: 0o600 })
  const all = {
    'data-dir': join(dir, 'data'),
    'password-file': join(dir, 'mail'),
    listen: ['/ip4/127.0.0.1/tcp/0'],
    'no-devp2p': true,
    'no-admin': true,
    'min-pow': 0,
    ...flags
  }
  const daemon = await Daemon.start(readConfig(startShape, { flags: all, env: {} }))
  scope.after(() => daemon.stop())
  const { waku, mailserver, mailclient } = daemon.node.services
  const peer = await GoPeer.start(scope, scope.programs, 'libp2p', {})
  const address = daemon.ready.multiaddrs[0] ?? ''
  const dial = () => peer.do('dial', { address })
  await dial()
  return { peer, dial, waku, mailserver, mailclient, to: daemon.ready.peerId, id: peerIdFromString(peer.name) }
}

/** A mailserver in Go with a history. */
async function theirServer(scope: CellScope, options: object = {}) {
  const peer = await GoPeer.start(scope, scope.programs, 'libp2p', { password: MAIL_PASSWORD, ...options })
  const history = makeHistory(COUNT, scope.contentKey)
  await archiveAt(peer, history)
  const server = parsePeerAddress((peer.ready.multiaddrs as string[])[0] ?? '')
  const client = await ClientPeer.open({ dataDir: join(tempDir(scope), 'client'), trustOnly: server.peer })
  scope.after(() => client.close())
  await client.connect(server, { signal: AbortSignal.timeout(PATIENCE), timeout: PATIENCE })
  return { peer, history, server: server.peer, client }
}

function question(from: number, until: number, options: object = {}): object {
  return { password: MAIL_PASSWORD, from, until, topics: [`0x${toHex(topicFromName(TOPIC))}`], ...options }
}

/** Every request is answered in full, however it is written, also several at once. */
const asking: Cell[] = MANNERS.flatMap(([name, manner]) =>
  [1, 5].map(count => ({
    name: `go-libp2p client, our server: ${name}, ${count === 1 ? 'one request' : `${count} before the first answer`}`,
    run: async (scope: CellScope) => {
      const { peer, mailserver, to } = await theyAndWe(scope)
      const history = makeHistory(COUNT, scope.contentKey)
      await mailserver.archive.append(history.all)
      const tries = manner.bytewise ? SLOW_TRIES : TRIES
      for (let i = 0; i < tries; i++) {
        const { answers, end } = await peer.do('ask', { to, ...question(history.from, history.to), count, ...manner })
        assert.equal((answers as Answer[]).length, count, `${end} in try ${i}`)
        for (const { envelopes } of answers as Answer[]) assertExactly(hashesIn(envelopes), history.wanted)
        assert.equal(end, 'closed')
      }
      return `${tries} of ${tries} answered`
    }
  }))
)

const paging: Cell = {
  name: 'go-libp2p client, our server: page by page, and what is refused',
  run: async scope => {
    const { peer, mailserver, to } = await theyAndWe(scope)
    const history = makeHistory(COUNT, scope.contentKey)
    await mailserver.archive.append(history.all)
    const got: string[] = []
    let pages = 0
    for (let cursor: string | undefined = '0x'; cursor !== undefined; pages++) {
      const asked = question(history.from, history.to, { limit: PAGE, cursor })
      const [answer] = (await peer.do('ask', { to, ...asked })).answers as Answer[]
      got.push(...hashesIn(answer?.envelopes))
      cursor = answer?.cursor === '0x' ? undefined : answer?.cursor
    }
    assertExactly(got, history.wanted)
    const refused = { 2: { password: 'guess' }, 3: { pow: 1e-9 }, 5: { from: history.to + 1 }, 9: { cursor: '0x11' } }
    for (const [code, wrong] of Object.entries(refused)) {
      const asked = question(history.from, history.to, wrong)
      const [answer] = (await peer.do('ask', { to, ...asked })).answers as Answer[]
      assert.equal(answer?.error, Number(code))
    }
    return `${got.length} envelopes in ${pages} pages, errors ${Object.keys(refused)}`
  }
}

/** Where it stopped it goes on, whatever came late. */
const ingestOrder: Cell = {
  name: 'go-libp2p client, our server: in ingest order, and on from there',
  run: async scope => {
    const { peer, mailserver, to } = await theyAndWe(scope)
    const history = makeHistory(COUNT, scope.contentKey)
    const late = history.all.slice(0, 8)
    await mailserver.archive.append(history.all.slice(8).reverse())
    const asked = { to, ...question(0, 0xffff_ffff, { limit: PAGE }) }
    const first = await peer.do('ingested', asked)
    const wantedFirst = history.wanted.filter(envelope => !late.includes(envelope))
    assert.deepEqual(hashesIn(first.envelopes), hashesOf(wantedFirst.reverse()))
    await mailserver.archive.append(late)
    const second = await peer.do('ingested', { ...asked, sequence: first.sequence })
    assertExactly(
      hashesIn(second.envelopes),
      history.wanted.filter(envelope => late.includes(envelope))
    )
    const third = await peer.do('ingested', { ...asked, sequence: second.sequence })
    assert.deepEqual([third.envelopes, third.pages], [[], 0])
    const elsewhere = await peer.do('ingested', { ...asked, sequence: `0x${'11'.repeat(8)}${'00'.repeat(8)}` })
    assert.equal(elsewhere.error, 9)
    return `${wantedFirst.length} envelopes in ${String(first.pages)} pages, then those that came late; the cursor of another archive is error 9`
  }
}

/** What it adds up from what it fetched is what the server says of it. */
const digests: Cell = {
  name: 'go-libp2p client, our server: digests agree with what it fetched, and coverage names a gap',
  run: async scope => {
    const { peer, mailserver, to } = await theyAndWe(scope)
    const history = makeHistory(COUNT, scope.contentKey)
    await mailserver.archive.append(history.all)
    const gap = { from: history.from, until: history.from + 1, kind: 1, count: 0 }
    await mailserver.archive.addGap(gap)
    let compared = 0
    for (const parts of [1, 3, 64]) {
      for (const by of [0, 1]) {
        const said = await peer.do('digest', { to, ...question(history.from, history.to), parts, by })
        assert.ok((said.parts as number) >= 1 && (said.parts as number) <= parts)
        assert.deepEqual([said.agree, said.count], [said.parts, history.wanted.length])
        const { gaps, more } = said.coverage as { gaps: number[][]; more: boolean }
        assert.deepEqual([gaps, more], [[[gap.from, gap.until, gap.kind, gap.count]], false])
        compared += said.parts as number
      }
    }
    return `${compared} parts compared`
  }
}

/** What is posted is stored and confirmed, however it is written. */
const posting: Cell[] = MANNERS.map(([name, manner]) => ({
  name: `go-libp2p posts to us: ${name}`,
  run: async (scope: CellScope) => {
    const { peer, mailserver, to } = await theyAndWe(scope)
    const tries = manner.bytewise ? SLOW_TRIES : TRIES
    for (let i = 1; i <= tries; i++) {
      const envelopes = Array.from({ length: 5 }, () => hex(newEnvelope()))
      const { status, confirmed, refused, end } = await peer.do('post', { to, envelopes, ...manner })
      assert.deepEqual([confirmed, refused, end], [5, 0, 'closed'])
      assert.equal((status as { confirmations: boolean }).confirmations, true)
      assert.equal((await mailserver.stats()).envelopes, 5 * i)
    }
    return `${5 * tries} envelopes confirmed and stored`
  }
}))

const postsAndCloses: Cell = {
  name: 'go-libp2p posts and closes 40 times on one connection',
  run: async scope => {
    const { peer, mailserver, to, waku } = await theyAndWe(scope)
    for (let i = 0; i < 40; i++) {
      const { confirmed } = await peer.do('post', { to, envelopes: [hex(newEnvelope())], halfClose: true })
      assert.equal(confirmed, 1)
    }
    assert.equal((await mailserver.stats()).envelopes, 40)
    assert.equal(waku.counts.handshakes_failed, 0)
    return '40 confirmed'
  }
}

/** The nastiest ends of a stream cost nobody anything. */
const endings: Cell[] = (['reset', 'disconnect', 'cut'] as const).map(end => ({
  name: `go-libp2p ends badly: ${end === 'cut' ? 'half-closed inside a frame' : `${end} behind the last frame`}`,
  run: async (scope: CellScope) => {
    const { peer, dial, mailserver, to } = await theyAndWe(scope)
    const history = makeHistory(COUNT, scope.contentKey)
    await mailserver.archive.append(history.all)
    const asked = question(history.from, history.to)
    for (let i = 0; i < 40; i++) {
      await peer.ask('ask', { to, ...asked, end })
      await dial()
      await peer.ask('post', { to, envelopes: [hex(newEnvelope({ sent: history.from }))], end })
      await dial()
    }
    const { answers } = await peer.do('ask', { to, ...asked, halfClose: true })
    assertExactly(hashesIn((answers as Answer[])[0]?.envelopes), history.wanted)
    const { confirmed } = await peer.do('post', { to, envelopes: [hex(newEnvelope())], halfClose: true })
    assert.equal(confirmed, 1)
    return '80 streams, then served as before'
  }
}))

const pushing: Cell[] = [{}, { halfClose: true }].map(manner => ({
  name: `go-libp2p pushes to us${manner.halfClose ? ', half-closed at once' : ''}`,
  run: async (scope: CellScope) => {
    const { peer, waku, mailclient, to, id } = await theyAndWe(scope, { 'accept-push': true })
    await mailclient.trust.add(id)
    const historic: string[] = []
    waku.subscribe({ historic: true }, ({ envelope }) => historic.push(envelope.hashHex))
    const pushed: Envelope[] = []
    for (let i = 0; i < TRIES; i++) {
      const envelopes = Array.from({ length: 3 }, () => newEnvelope({ sent: 1_600_000_000 }))
      const { end } = await peer.do('push', { to, envelopes: envelopes.map(hex), ...manner })
      assert.equal(end, 'closed')
      pushed.push(...envelopes)
    }
    assertExactly(historic, pushed)
    return `${historic.length} envelopes`
  }
}))

const theirPages: Cell[] = [false, true].map(hasty => ({
  name: `our client, go-libp2p server${hasty ? ', each answer in one piece with the end of its stream' : ''}`,
  run: async (scope: CellScope) => {
    const { peer, history, server, client } = await theirServer(scope, { pageSize: PAGE, hasty })
    const got: Envelope[] = []
    let pages = 0
    const query = {
      server,
      from: history.from,
      to: history.to,
      topics: [topicFromName(TOPIC)],
      requestKey: scope.mailKey
    }
    for await (const page of client.node.services.mailclient.history(query)) {
      got.push(...page.envelopes)
      pages++
    }
    assertExactly(hashesOf(got), history.wanted)
    // A hasty end may overtake nothing but a request already on its way: that one is asked again on a new stream.
    const served = peer.all('request-served').length
    if (hasty) assert.ok(served >= pages && served < 2 * pages, `${served} requests for ${pages} pages`)
    else assert.equal(served, pages)
    return `${got.length} envelopes in ${pages} pages`
  }
}))

const weConverse: Cell = {
  name: 'we post to go-libp2p and are confirmed',
  run: async scope => {
    const { peer, server, client } = await theirServer(scope)
    for (let i = 0; i < 5; i++) {
      const { confirmed, envelope } = await client.waku.post({ envelope: newEnvelope(), to: server })
      assert.equal(confirmed.length, 1)
      await peer.awaitEvent('message', { hash: `0x${envelope.hashHex}` })
    }
    await until(() => (client.waku.counts.confirmations_received ?? 0) >= 5, PATIENCE)
    return '5 envelopes'
  }
}

/** A second implementation of `protocols/`, in Go: it does what our own other end would never think of. */
export const libp2pCells: Cell[] = [
  ...asking,
  paging,
  ingestOrder,
  digests,
  ...posting,
  postsAndCloses,
  ...endings,
  ...pushing,
  ...theirPages,
  weConverse
]
