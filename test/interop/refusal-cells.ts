import assert from 'node:assert/strict'
import { topicFromName } from '../../src/wire/envelope/topic.js'
import { RequestErrorCode } from '../../src/wire/request/request-error.js'
import { type Cell, type CellScope, MAIL_PASSWORD } from './cell.js'
import { archiveAt, makeHistory, TOPIC } from './history.js'
import { GETH, type Kind, nameOf, STATUS_SHH, STATUS_WAKU, startNode, startPeer, theyDial, weDial } from './our-node.js'
import { arrived } from './server-cells.js'

interface Refusal {
  what: string
  request: object
  /** How the text begins that their client is told. */
  text: string
}

const REFUSALS: Refusal[] = [
  { what: 'wrong password', request: { password: 'guess' }, text: 'failed to decrypt p2p request' },
  {
    what: 'limit 1001',
    request: { limit: 1001 },
    text: 'request is invalid: limit exceeds the maximum allowed value'
  },
  { what: 'from after to', request: { from: 20, to: 10 }, text: 'query range is invalid: lower > upper' },
  {
    what: 'neither bloom nor topics',
    request: { topics: [], bloom: 'none' },
    text: 'request is invalid: bloom filter and topics is empty'
  },
  { what: 'low PoW', request: { pow: 0.000_000_1, ttl: 100_000 }, text: 'PoW too low' },
  { what: 'a bloom of 63 bytes', request: { bloom: `0x${'ff'.repeat(63)}` }, text: 'request is invalid: bloom' },
  { what: 'a cursor of 35 bytes', request: { cursor: `0x${'11'.repeat(35)}` }, text: 'request is invalid: cursor' }
]

/** What our server refuses, in the words that their clients know; and it serves the same client afterwards. */
const ours: Cell[] = [STATUS_SHH, STATUS_WAKU].flatMap(kind =>
  REFUSALS.map(({ what, request, text }) => ({
    name: `their client, our server refuses: ${nameOf(kind)} ${what}`,
    run: async (scope: CellScope) => {
      const { client, ask } = await asking(scope, kind)
      const done = await ask({ form: 'enc-sg7', password: MAIL_PASSWORD, ...request })
      assert.ok(String(done.error).startsWith(text), `refused with ${JSON.stringify(done.error)}`)
      assert.deepEqual(arrived(client), [])
      const served = await ask({ form: 'enc-sg7', password: MAIL_PASSWORD })
      assert.equal(served.error, undefined)
      assert.equal(arrived(client).length, 4)
      return `"${done.error}"`
    }
  }))
)

/** A request that lies open is refused unless the operator allowed it. */
const open: Cell[] = [
  { kind: STATUS_SHH, form: 'plain6' },
  { kind: STATUS_WAKU, form: 'plain7' }
].map(({ kind, form }) => ({
  name: `their client, our server refuses: ${nameOf(kind)} ${form}`,
  run: async scope => {
    const { client, ask } = await asking(scope, kind)
    const done = await ask({ form })
    assert.match(String(done.error), /^request is invalid: /)
    assert.deepEqual(arrived(client), [])
    return `"${done.error}"`
  }
}))

async function asking(scope: CellScope, kind: Kind) {
  const client = await startPeer(scope, kind)
  const node = await startNode(scope)
  const history = makeHistory(6, scope.contentKey)
  await node.archive.append(history.all)
  const peer = await theyDial(client, node, kind)
  const ask = async (request: object) => {
    const { requestId } = await client.do('request', {
      peer,
      from: history.from,
      to: history.to,
      topics: [TOPIC],
      ...request
    })
    return client.awaitEvent('complete', { requestId })
  }
  return { client, ask }
}

/** What their servers refuse reaches our client as the error that it is. */
const theirs: Cell[] = [
  {
    kind: STATUS_WAKU,
    what: 'wrong password',
    query: { requestKey: new Uint8Array(32).fill(9) },
    code: 'undecryptable' as const
  },
  {
    kind: STATUS_SHH,
    what: 'wrong password',
    query: { requestKey: new Uint8Array(32).fill(9) },
    code: 'undecryptable' as const
  },
  { kind: STATUS_WAKU, what: 'low PoW', query: { pow: 0 }, code: 'pow' as const },
  { kind: STATUS_SHH, what: 'low PoW', query: { pow: 0 }, code: 'pow' as const },
  { kind: STATUS_WAKU, what: 'limit 1001', query: { pageSize: 1001 }, code: 'notAllowed' as const },
  {
    kind: STATUS_SHH,
    what: 'more than a day in the raw form',
    query: { dialect: 'raw72' as const, from: 1_000_000, to: 2_000_000 },
    code: 'range' as const
  }
].map(({ kind, what, query, code }) => ({
  name: `our client, their server refuses: ${nameOf(kind)} ${what}`,
  run: async scope => {
    // where it matters, so much that no request has it by chance
    const requirement = code === 'pow' ? 1 : 0.002
    const { node, peer, history } = await served(scope, kind, {}, requirement)
    const pages = node.client.history({
      server: peer,
      network: 'devp2p',
      from: history.from,
      to: history.to,
      topics: [topicFromName(TOPIC)],
      requestKey: scope.mailKey,
      pow: requirement,
      ...query
    })
    const error = await pages.next().then(
      () => undefined,
      error => error
    )
    assert.equal(error?.name, 'RequestError', String(error?.stack))
    assert.equal(error.code, RequestErrorCode[code])
    const again = node.client.envelopes({
      server: peer,
      network: 'devp2p',
      from: history.from,
      to: history.to,
      requestKey: scope.mailKey,
      pow: requirement
    })
    let count = 0
    for await (const _ of again) count++
    assert.equal(count, 6)
    return `"${error.message}"`
  }
}))

/** go-ethereum says nothing to what it refuses: that is an error, not an empty history. */
const silent: Cell = {
  name: `our client, their server refuses: ${nameOf(GETH)} wrong password`,
  run: async scope => {
    const { node, peer, history } = await served(scope, GETH, { firstTimeout: 1000, quietTime: 500 })
    const query = { server: peer, network: 'devp2p' as const, from: history.from, to: history.to }
    await assert.rejects(node.client.history({ ...query, requestKey: new Uint8Array(32).fill(9) }).next(), {
      name: 'SilentServerError'
    })
    let count = 0
    for await (const _ of node.client.envelopes({ ...query, requestKey: scope.mailKey })) count++
    assert.equal(count, 6)
    return 'silence, and then 6 envelopes'
  }
}

async function served(scope: CellScope, kind: Kind, mailclient: object = {}, pow = 0.002) {
  const server = await startPeer(scope, kind, { mailserver: { password: MAIL_PASSWORD, pow } })
  const history = makeHistory(6, scope.contentKey)
  await archiveAt(server, history)
  const node = await startNode(scope, { mailclient })
  const peer = await weDial(node, server, kind)
  await node.trust.add(peer)
  return { node, peer, history }
}

export const refusalCells: Cell[] = [...ours, ...open, ...theirs, silent]
