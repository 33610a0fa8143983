import assert from 'node:assert/strict'
import { fromHex, toHex } from '../../src/wire/bytes.js'
import type { Envelope } from '../../src/wire/envelope/envelope.js'
import { topicFromName } from '../../src/wire/envelope/topic.js'
import type { Dialect } from '../../src/wire/request/history-request.js'
import { type Cell, type CellScope, MAIL_PASSWORD } from './cell.js'
import { archiveAt, assertExactly, hashesOf, makeHistory, TOPIC } from './history.js'
import { GETH, type Kind, nameOf, STATUS_SHH, STATUS_WAKU, startNode, startPeer, weDial } from './our-node.js'
import { packetsOf } from './session-file.js'

interface Serving {
  kind: Kind
  /** Undefined: what is usual at such a server. */
  dialect?: Dialect
  /** How the server behaves. */
  mailserver?: object
  /** Sealed to the server's node key. */
  asymmetric?: boolean
  pageSize?: number
  note?: string
  record?: string
}

const COUNT = 30

const SERVINGS: Serving[] = [
  { kind: GETH, record: 'geth-shh6-server-raw72' },
  { kind: GETH, dialect: 'raw8' },
  { kind: STATUS_SHH, record: 'statusgo-shh6-server-sg7' },
  { kind: STATUS_SHH, mailserver: { order: 'descending' }, note: ', newest first' },
  { kind: STATUS_SHH, mailserver: { lastAlone: false }, note: ', last not alone' },
  { kind: STATUS_SHH, dialect: 'sg6', mailserver: { forms: ['sg6'] } },
  { kind: STATUS_SHH, dialect: 'plain6' },
  { kind: STATUS_SHH, dialect: 'raw8' },
  { kind: STATUS_SHH, dialect: 'raw72' },
  { kind: STATUS_SHH, dialect: 'raw76', pageSize: 1000 },
  { kind: STATUS_SHH, mailserver: { asymmetric: true }, asymmetric: true, note: ', sealed to the node key' },
  { kind: STATUS_WAKU, record: 'statusgo-waku0-server-sg7' },
  {
    kind: STATUS_WAKU,
    mailserver: { order: 'descending' },
    note: ', newest first',
    record: 'statusgo-waku0-server-newest'
  },
  { kind: STATUS_WAKU, mailserver: { lastAlone: false }, note: ', last not alone' },
  { kind: STATUS_WAKU, dialect: 'sg6', mailserver: { forms: ['sg6'] } },
  { kind: STATUS_WAKU, dialect: 'plain7' },
  { kind: STATUS_WAKU, mailserver: { asymmetric: true }, asymmetric: true, note: ', sealed to the node key' },
  { kind: STATUS_WAKU, mailserver: { rateLimit: 1 }, pageSize: 10, note: ', one request a second' }
]

/** Our client asks their servers: every form, page by page, envelope by envelope exactly once. */
export const clientCells: Cell[] = SERVINGS.map(serving => ({
  name: `our client, their server: ${nameOf(serving.kind)} ${serving.dialect ?? 'by default'}${serving.note ?? ''}`,
  run: scope => ask(scope, serving)
}))

async function ask(scope: CellScope, serving: Serving): Promise<string> {
  const { kind, dialect, mailserver = {}, asymmetric = false, pageSize = 7 } = serving
  const packets = serving.record !== undefined
  const server = await startPeer(scope, kind, {
    mailserver: { password: MAIL_PASSWORD, pow: 0.002, ...mailserver },
    report: { packets }
  })
  const node = await startNode(scope, { mailclient: { quietTime: 1000 } })
  const history = makeHistory(COUNT, scope.contentKey)
  await archiveAt(server, history)
  const peer = await weDial(node, server, kind)
  await node.trust.add(peer)
  const historic: string[] = []
  node.waku.subscribe({ historic: true, key: scope.contentKey }, ({ envelope }) => historic.push(envelope.hashHex))
  const key = asymmetric ? { requestPublicKey: fromHex(String(server.ready.publicKey)) } : { requestKey: scope.mailKey }
  const got: Envelope[] = []
  let pages = 0
  for await (const page of node.client.history({
    server: peer,
    network: 'devp2p',
    from: history.from,
    to: history.to,
    topics: [topicFromName(TOPIC)],
    dialect,
    pageSize,
    ...key
  })) {
    pages++
    got.push(...page.envelopes)
  }
  const backwards = (mailserver as { order?: string }).order === 'descending'
  assertExactly(hashesOf(got), history.wanted, backwards)
  assertExactly(historic, history.wanted, backwards)
  assert.equal(server.all('peer-down').length, 0)
  if (serving.record !== undefined) {
    scope.record({
      name: serving.record,
      ...kind,
      role: 'server',
      key: toHex(scope.mailKey),
      archive: history.all.map(({ raw }) => toHex(raw)),
      packets: packetsOf(server, kind.capability)
    })
  }
  return `${got.length} envelopes in ${pages} page${pages === 1 ? '' : 's'}`
}
