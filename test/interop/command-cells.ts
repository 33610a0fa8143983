import assert from 'node:assert/strict'
import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { parseEnode } from '../../src/devp2p/enode.js'
import { toHex } from '../../src/wire/bytes.js'
import { newDataDir, run, startNode } from '../cli/processes.js'
import { tempDir } from '../node/temp-dir.js'
import { type Cell, type CellScope, CONTENT_PASSWORD, MAIL_PASSWORD } from './cell.js'
import type { GoPeer } from './go-peer.js'
import { archiveAt, assertExactly, type History, makeHistory, TOPIC } from './history.js'
import { GETH, KINDS, type Kind, nameOf, STATUS_SHH, STATUS_WAKU, startPeer } from './our-node.js'
import { arrived } from './server-cells.js'

const COUNT = 30
const PAGE = '7'
const STATUS: readonly Kind[] = [STATUS_SHH, STATUS_WAKU]

/** The commands of the program as an operator types them, against peers in Go. */
export const commandCells: Cell[] = [
  ...KINDS.map(kind => ({
    name: `request --server, ${nameOf(kind)}`,
    run: (scope: CellScope) => request(scope, kind)
  })),
  ...STATUS.map(kind => ({
    name: `backfill --server, ${nameOf(kind)}`,
    run: (scope: CellScope) => backfill(scope, kind)
  })),
  { name: `request --max-bytes, ${nameOf(GETH)}, window by window`, run: requestInWindows },
  { name: `backfill --max-bytes, ${nameOf(GETH)}, window by window`, run: backfillInWindows },
  ...KINDS.map(kind => ({ name: `start, ${nameOf(kind)}`, run: (scope: CellScope) => start(scope, kind) })),
  ...STATUS.map(kind => ({
    name: `start --upstream, libp2p client to ${nameOf(kind)}`,
    run: (scope: CellScope) => forwardToThem(scope, kind)
  })),
  ...STATUS.map(kind => ({
    name: `start --upstream, ${nameOf(kind)} client to libp2p`,
    run: (scope: CellScope) => forwardFromThem(scope, kind)
  }))
]

interface PrintedLine {
  hash?: string
  text?: string
  summary?: { complete: boolean; pages: number }
}

const formOf = ({ program }: Kind): string => (program === 'geth' ? 'raw72' : 'enc-sg7')

/** A folder in which commands are run, with the passwords as files. */
function workplace(scope: CellScope): string {
  const cwd = tempDir(scope)
  writeFileSync(join(cwd, 'mail'), MAIL_PASSWORD, { mode: 0o600 })
  writeFileSync(join(cwd, 'content'), CONTENT_PASSWORD, { mode: 0o600 })
  return cwd
}

/** Fetches with the command line, and returns the hashes that it printed. */
async function fetch(scope: CellScope, cwd: string, server: string, options: string[] = []): Promise<string[]> {
  const ask = ['request', '--server', server, '--topics', TOPIC, '--since', '2h', '--password-file', 'mail']
  const { code, stderr, json } = await run(
    scope,
    [...ask, '--key-password-file', 'content', '--page-size', PAGE, '--trust', '--json', ...options],
    { cwd }
  )
  assert.equal(code, 0, stderr)
  const lines = json() as PrintedLine[]
  assert.equal(lines.at(-1)?.summary?.complete, true)
  const envelopes = lines.slice(0, -1)
  for (const { text } of envelopes) assert.match(text ?? '', /^message \d+$/)
  return envelopes.map(({ hash }) => (hash as string).slice(2))
}

async function serverWithHistory(scope: CellScope, kind: Kind) {
  const server = await startPeer(scope, kind, { mailserver: { password: MAIL_PASSWORD, pow: 0.002 } })
  const history = makeHistory(COUNT, scope.contentKey)
  await archiveAt(server, history)
  return { server, history }
}

async function request(scope: CellScope, kind: Kind): Promise<string> {
  const { server, history } = await serverWithHistory(scope, kind)
  assertExactly(await fetch(scope, workplace(scope), server.enode), history.wanted)
  return `${history.wanted.length} envelopes`
}

async function backfill(scope: CellScope, kind: Kind): Promise<string> {
  const { server, history } = await serverWithHistory(scope, kind)
  const cwd = workplace(scope)
  const node = await startNode(scope, cwd)
  const trusted = await run(scope, ['trust', 'add', server.enode], { cwd })
  assert.equal(trusted.code, 0, trusted.stderr)
  const fill = ['backfill', '--server', server.enode, '--since', '2h', '--password-file', 'mail']
  const filled = await run(scope, fill, { cwd })
  assert.equal(filled.code, 0, filled.stderr)
  writeFileSync(join(cwd, 'mail'), readFileSync(join(cwd, 'waku-data', 'password')), { mode: 0o600 })
  assertExactly(await fetch(scope, cwd, node.address), history.wanted)
  assert.equal(await node.stop(), 0)
  return `${history.all.length} envelopes`
}

/** Less than half of the history. */
function someBytes({ all }: History): string {
  return String(Math.floor(all.reduce((sum, { size }) => sum + size, 0) / 2.5))
}

/** A server without pages whose history is more than one answer may have. */
async function requestInWindows(scope: CellScope): Promise<string> {
  const { server, history } = await serverWithHistory(scope, GETH)
  const cwd = workplace(scope)
  const bound = ['--max-bytes', `${someBytes(history)}B`]
  const range = ['--since', String(history.from), '--until', String(history.to)]
  const args = ['request', '--server', server.enode, ...range, '--trust', '--json', '--password-file', 'mail', ...bound]
  // some of it, then the rest by the cursor that came with it
  const some = await run(scope, [...args, '--limit', '5'], { cwd })
  assert.equal(some.code, 0, some.stderr)
  const { cursor } = (some.json().at(-1) as { summary: { cursor: string } }).summary
  const rest = await run(scope, [...args, '--cursor', cursor], { cwd })
  assert.equal(rest.code, 0, rest.stderr)
  const lines = [...some.json().slice(0, -1), ...rest.json().slice(0, -1)] as PrintedLine[]
  assertExactly(
    lines.map(({ hash }) => (hash as string).slice(2)),
    history.all
  )
  const { summary } = rest.json().at(-1) as PrintedLine
  assert.ok(summary?.complete === true && summary.pages > 1)
  return `${lines.length} envelopes, the rest by a cursor in ${summary.pages} pages`
}

async function backfillInWindows(scope: CellScope): Promise<string> {
  const { server, history } = await serverWithHistory(scope, GETH)
  const cwd = workplace(scope)
  const fill = [
    'backfill',
    '--server',
    server.enode,
    '--since',
    '2h',
    '--until',
    String(history.to),
    '--trust',
    '--json'
  ]
  const own = ['--password-file', 'mail', '--min-pow', '0']
  await newDataDir(join(cwd, 'waku-data'))
  const filled = await run(scope, [...fill, ...own, '--max-bytes', `${someBytes(history)}B`], { cwd })
  assert.equal(filled.code, 0, filled.stderr)
  const { summary } = filled.json()[0] as { summary: { stored: number; pages: number; complete: boolean } }
  assert.equal(summary.stored, history.all.length)
  assert.ok(summary.complete && summary.pages > 1)
  const node = await startNode(scope, cwd, ['--password-file', 'mail'])
  assertExactly(await fetch(scope, cwd, node.address), history.wanted)
  assert.equal(await node.stop(), 0)
  return `${summary.stored} envelopes in ${summary.pages} pages`
}

/** They post to it, it keeps what they posted, and gives it back. */
async function start(scope: CellScope, kind: Kind): Promise<string> {
  const cwd = workplace(scope)
  const node = await startNode(scope, cwd, ['--password-file', 'mail'])
  const client = await startPeer(scope, kind)
  const peer = await dial(client, node.enode, kind)
  const posted = await client.do('post', { topic: TOPIC, text: 'message ', count: 9, password: CONTENT_PASSWORD })
  const hashes = (posted.hashes as string[]).map(hash => hash.slice(2))
  await kept(scope, cwd, hashes.length)
  await ask(client, peer, kind, hashes.length)
  assert.deepEqual([...arrived(client)].sort(), [...hashes].sort())
  assert.equal(client.all('peer-down').length, 0)
  assert.equal(await node.stop(), 0)
  return `${hashes.length} envelopes posted and asked for`
}

async function forwardToThem(scope: CellScope, kind: Kind): Promise<string> {
  const { server, history } = await serverWithHistory(scope, kind)
  const cwd = workplace(scope)
  const between = await startNode(scope, cwd, ['--upstream', server.enode, '--forward-for', 'any'])
  const got = await fetch(scope, cwd, between.address, ['--dialect', 'sg7'])
  assertExactly(got, history.wanted)
  assert.equal(await between.stop(), 0)
  return `${got.length} envelopes`
}

async function forwardFromThem(scope: CellScope, kind: Kind): Promise<string> {
  const cwd = workplace(scope)
  const mailserver = await startNode(scope, cwd, ['--data-dir', 'far', '--no-devp2p', '--password-file', 'mail'])
  const between = await startNode(scope, cwd, [
    ...['--data-dir', 'between', '--upstream', mailserver.address, '--forward-for', 'any']
  ])
  const post = ['post', '--to', mailserver.address, '--topic', TOPIC, '--payload']
  for (const text of ['message 1', 'message 2']) {
    const { code, stderr } = await run(scope, [...post, text], { cwd })
    assert.equal(code, 0, stderr)
  }
  const client = await startPeer(scope, kind)
  const peer = await dial(client, between.enode, kind)
  await ask(client, peer, kind, 2)
  assert.equal(new Set(arrived(client)).size, 2)
  assert.equal(client.all('peer-down').length, 0)
  assert.equal(await between.stop(), 0)
  assert.equal(await mailserver.stop(), 0)
  return '2 envelopes'
}

/** @returns how the peer names the node */
async function dial(client: GoPeer, enode: string, { capability }: Kind): Promise<string> {
  await client.do('dial', { enode })
  const peer = toHex(parseEnode(enode).id)
  await client.awaitEvent('peer', { peer, capability })
  return peer
}

async function ask(client: GoPeer, peer: string, kind: Kind, count: number): Promise<void> {
  const { capability } = kind
  const to = Math.floor(Date.now() / 1000) + 60
  const members = {
    peer,
    capability,
    form: formOf(kind),
    from: to - 7200,
    to,
    topics: [TOPIC],
    password: MAIL_PASSWORD
  }
  const { requestId } = await client.do('request', members)
  if (kind === GETH) await client.await(() => arrived(client).length >= count, `${count} envelopes`)
  else assert.equal((await client.awaitEvent('complete', { requestId })).error, undefined)
}

/** Resolves when the node has so many envelopes on disk. */
async function kept(scope: CellScope, cwd: string, count: number): Promise<void> {
  for (let tries = 0; tries < 50; tries++) {
    const { json } = await run(scope, ['stats', '--json'], { cwd })
    const { archive } = json()[0] as { archive: { envelopes: number } }
    if (archive.envelopes >= count) return
  }
  throw new Error(`the node did not keep ${count} envelopes`)
}
