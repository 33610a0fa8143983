import assert from 'node:assert/strict'
import { toHex } from '../../src/wire/bytes.js'
import type { LegacyNodeInit } from '../devp2p/legacy-node.js'
import { type Cell, type CellScope, CONTENT_PASSWORD, MAIL_PASSWORD } from './cell.js'
import { type GoPeer, hashesIn } from './go-peer.js'
import { assertExactly, hashesOf, makeHistory, TOPIC } from './history.js'
import { GETH, type Kind, nameOf, STATUS_SHH, STATUS_WAKU, startNode, startPeer, theyDial } from './our-node.js'
import { packetsOf } from './session-file.js'

interface Asking {
  kind: Kind
  form: string
  /** Members of the request beside the usual ones. */
  request?: object
  node?: LegacyNodeInit
  /** The answer is streamed to the end, with no limit and no pages. */
  stream?: boolean
  /** The form cannot name topics exactly, so all that a bloom filter lets through comes. */
  everything?: boolean
  note?: string
  record?: string
}

const COUNT = 30
const LIMIT = 7

const ASKINGS: Asking[] = [
  { kind: GETH, form: 'raw8', stream: true, everything: true },
  { kind: GETH, form: 'raw12', stream: true },
  { kind: GETH, form: 'raw72', stream: true, record: 'geth-shh6-client-raw72' },
  { kind: GETH, form: 'enc-spec5', request: { nim: true }, node: freely(), stream: true, note: ' dated 0, as nim' },
  { kind: STATUS_SHH, form: 'enc-sg7', record: 'statusgo-shh6-client-sg7' },
  { kind: STATUS_SHH, form: 'enc-sg6' },
  { kind: STATUS_SHH, form: 'enc-sg7', request: { batch: false }, note: ' unbatched' },
  { kind: STATUS_SHH, form: 'enc-sg7', ...sealedToNode() },
  { kind: STATUS_SHH, form: 'raw8', stream: true, everything: true },
  { kind: STATUS_SHH, form: 'raw72', stream: true },
  { kind: STATUS_SHH, form: 'raw76' },
  { kind: STATUS_SHH, form: 'plain6', node: openly() },
  { kind: STATUS_WAKU, form: 'enc-sg7', record: 'statusgo-waku0-client-sg7' },
  { kind: STATUS_WAKU, form: 'enc-sg7', request: { bloom: 'none' }, note: ' topics only' },
  { kind: STATUS_WAKU, form: 'enc-sg7', request: { batch: false }, note: ' unbatched' },
  { kind: STATUS_WAKU, form: 'enc-sg7', ...sealedToNode() },
  { kind: STATUS_WAKU, form: 'enc-sg6' },
  { kind: STATUS_WAKU, form: 'plain7', node: openly(), record: 'statusgo-waku0-client-plain7' }
]

function openly(): LegacyNodeInit {
  return { devp2p: { plainRequests: true } }
}

/** No proof of work is asked of requests. */
function freely(): LegacyNodeInit {
  return { mailserver: { policies: { devp2p: { pow: 0 } } } }
}

function sealedToNode(): Pick<Asking, 'request' | 'node' | 'note'> {
  return { request: { private: true }, note: ' sealed to the node key' }
}

/** Their clients ask our server: every form, page by page, envelope by envelope exactly once. */
export const serverCells: Cell[] = ASKINGS.map(asking => ({
  name: `their client, our server: ${nameOf(asking.kind)} ${asking.form}${asking.note ?? ''}`,
  run: scope => serve(scope, asking)
}))

async function serve(scope: CellScope, asking: Asking): Promise<string> {
  const { kind, form, request = {}, stream = false, everything = false } = asking
  const packets = asking.record !== undefined
  const client = await startPeer(scope, kind, { report: { packets } })
  const { NodeKey } = await import('../../src/devp2p/node-key.js')
  const key = new NodeKey()
  const sealed = 'private' in request
  const node = await startNode(scope, {
    key,
    ...asking.node,
    ...(sealed ? { mailserver: { requestPrivateKey: key.privateKey } } : {})
  })
  const history = makeHistory(COUNT, scope.contentKey)
  await node.archive.append(history.all)
  const server = await theyDial(client, node, kind)
  await client.do('subscribe', { capability: kind.capability, password: CONTENT_PASSWORD, topics: [TOPIC] })
  const expected = everything ? history.all : history.wanted
  const ask = {
    peer: server,
    capability: kind.capability,
    form,
    from: history.from,
    to: history.to,
    topics: [TOPIC],
    ...(sealed || form.startsWith('plain') ? {} : { password: MAIL_PASSWORD }),
    ...(stream ? {} : { limit: LIMIT }),
    ...request
  }
  const pages = await pagesOf(client, ask, { stream, count: expected.length })
  assertExactly(arrived(client), expected)
  for (const hash of hashesOf(history.wanted)) await client.awaitEvent('message', { hash: `0x${hash}` })
  assert.equal(client.all('message').length, history.wanted.length, 'each message reached the filter once')
  assert.equal(client.all('peer-down').length, 0)
  if (asking.record !== undefined) {
    scope.record({
      name: asking.record,
      ...kind,
      role: 'client',
      key: toHex(scope.mailKey),
      archive: history.all.map(({ raw }) => toHex(raw)),
      packets: packetsOf(client, kind.capability)
    })
  }
  return `${expected.length} envelopes in ${pages} page${pages === 1 ? '' : 's'}`
}

/** Hashes of all history that came, in order. */
export function arrived(client: GoPeer): string[] {
  return client.all('historic').flatMap(line => hashesIn(line.hashes))
}

/** Asks for page after page; go-ethereum's library does not tell that a completion came, so the count does. */
async function pagesOf(client: GoPeer, ask: object, { stream, count }: { stream: boolean; count: number }) {
  let cursor = ''
  for (let pages = 1; ; pages++) {
    const raw112 = cursor !== '' && (ask as { form: string }).form === 'raw76' ? { form: 'raw112' } : {}
    const { requestId, peer } = await client.do('request', { ...ask, ...raw112, cursor })
    if (stream) {
      await client.await(() => arrived(client).length >= count, `${count} envelopes`)
      await client.awaitEvent('completion', { peer })
      return pages
    }
    const done = await client.awaitEvent('complete', { requestId })
    assert.equal(done.error, undefined)
    cursor = String(done.cursor)
    if (cursor === '0x') return pages
  }
}

/** Thousands of envelopes in pages of a thousand, counted and hashed by the client. */
export const countingCells: Cell[] = [
  { kind: STATUS_WAKU, form: 'enc-sg7' },
  { kind: STATUS_SHH, form: 'enc-sg7' },
  { kind: GETH, form: 'raw72' }
].map(({ kind, form }) => ({
  name: `their client, our server: ${nameOf(kind)} ${form}, 5000 envelopes`,
  run: async scope => {
    const client = await startPeer(scope, kind, { report: { gossip: false, historic: false } })
    const node = await startNode(scope)
    const history = makeHistory(5000, scope.contentKey)
    await node.archive.append(history.all)
    const peer = await theyDial(client, node, kind)
    const counted = await client.do('count', {
      peer,
      form,
      from: history.from,
      to: history.to,
      bloom: 'full',
      limit: 1000,
      password: MAIL_PASSWORD,
      verify: true,
      expect: 5000
    })
    assert.equal(counted.error, undefined)
    assert.deepEqual([counted.envelopes, counted.distinct], [5000, 5000])
    return `5000 envelopes in ${counted.pages || 1} pages, ${Math.round(Number(counted.ms))} ms`
  }
}))
