import assert from 'node:assert/strict'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { type TestContext, test } from 'node:test'
import { openDatabase } from '../../src/archive/database/database.js'
import { toHex } from '../../src/wire/bytes.js'
import type { Envelope } from '../../src/wire/envelope/envelope.js'
import { keyFromPassword } from '../../src/wire/envelope/key.js'
import { decodePayload } from '../../src/wire/payload/payload.js'
import { openSymmetric } from '../../src/wire/payload/symmetric.js'
import { encodeCursor } from '../../src/wire/request/cursor.js'
import { decodeHistoryRequest, type HistoryRequest } from '../../src/wire/request/history-request.js'
import { newEnvelope, unixNow } from '../helpers/envelopes.js'
import { honest } from '../libp2p/lying-server.js'
import { lyingServer } from '../libp2p/mail-nodes.js'
import { tempDir } from '../node/temp-dir.js'
import { ended, launch, newDataDir, run, startNode } from './processes.js'

function opened(request: Envelope, key: Uint8Array): HistoryRequest {
  const plain = openSymmetric(request.data, key)
  assert.ok(plain !== undefined)
  return decodeHistoryRequest(decodePayload(plain).payload, { network: 'libp2p' }).request
}

interface Summary {
  summary: { stored: number; known: number; envelopes: number; resumed: boolean; complete: boolean }
}

const HOUR_AGO = unixNow() - 3600

/** Expired, of the last hour. */
const lately = (count: number): Envelope[] =>
  Array.from({ length: count }, (_, i) => newEnvelope({ sent: HOUR_AGO + i, ttl: 60 }))

async function archived(cwd: string, dataDir: string, t: TestContext): Promise<number> {
  const [stats] = (await run(t, ['stats', '--data-dir', dataDir, '--json'], { cwd })).json()
  return (stats as { archive: { envelopes: number } }).archive.envelopes
}

/** A node that holds these envelopes, and a new data dir beside it. */
async function fullNode(t: TestContext, cwd: string, envelopes: Envelope[]) {
  const first = await startNode(t, cwd, ['--data-dir', 'full'])
  await first.stop()
  const database = await openDatabase(join(cwd, 'full', 'database'))
  await database.archive.append(envelopes)
  await database.close()
  return startNode(t, cwd, ['--data-dir', 'full', '--min-pow', '0'])
}

test('a new archive is filled with and without a running node, over either network, and once only', async t => {
  const cwd = tempDir(t)
  const full = await fullNode(t, cwd, lately(120))
  const args = (dir: string, server: string): string[] => [
    ...['backfill', '--data-dir', dir, '--server', server, '--since', '2h', '--json', '--page-size', '50'],
    ...['--password-file', 'full/password', '--min-pow', '0']
  ]
  for (const dir of ['new', 'other']) await newDataDir(join(cwd, dir))
  const untrusted = await run(t, args('new', full.address), { cwd })
  assert.equal(untrusted.code, 1)
  assert.match(untrusted.stderr, /not trusted: add --trust for this run, or "waku-mailserver trust add 16Uiu2/)

  const offline = await run(t, [...args('new', full.address), '--trust'], { cwd })
  assert.equal(offline.code, 0, offline.stderr)
  assert.deepEqual(pick(offline.json()[0]), { stored: 120, known: 0, envelopes: 120, resumed: false, complete: true })
  assert.equal(await archived(cwd, 'new', t), 120)

  await run(t, ['trust', 'add', full.enode, '--data-dir', 'other'], { cwd })
  const other = await startNode(t, cwd, ['--data-dir', 'other', '--min-pow', '0'])
  const online = await run(t, args('other', full.enode), { cwd })
  assert.equal(online.code, 0, online.stderr)
  assert.equal(pick(online.json()[0]).stored, 120)
  const again = await run(t, args('other', full.address), { cwd })
  assert.deepEqual(pick(again.json()[0]), { stored: 0, known: 120, envelopes: 120, resumed: false, complete: true })
  assert.equal(await archived(cwd, 'other', t), 120)
  // it serves what it fetched
  const request = ['request', '--server', other.address, '--since', '2h', '--trust', '--json']
  const served = await run(t, [...request, '--password-file', 'other/password'], { cwd })
  assert.equal(served.json().length, 121)
  const wrong = await run(t, [...args('other', full.address), '--password', 'x'].filter(notPassword), { cwd })
  assert.equal(wrong.code, 1)
  assert.match(wrong.stderr, /no key of this server opens the request/)
  assert.equal(await other.stop(), 0)
  // the data dir of a node that is stopped
  const stopped = await run(t, [...args('other', full.address), '--trust'], { cwd })
  assert.equal(stopped.code, 0, stopped.stderr)
  assert.deepEqual(pick(stopped.json()[0]), { stored: 0, known: 120, envelopes: 120, resumed: false, complete: true })
  assert.equal(await full.stop(), 0)
})

for (const [running, signal] of [
  [false, 'SIGINT'],
  [false, 'SIGTERM'],
  [true, 'SIGTERM']
] as const) {
  test(`ended by ${signal} ${running ? 'while a node does it' : 'without a node'}, it goes on where it stopped`, async t => {
    const cwd = tempDir(t)
    writeFileSync(join(cwd, 'their-password'), 'theirs')
    const key = await keyFromPassword('theirs')
    const pages = [0, 100, 200, 300, 400].map(start =>
      lately(10).map((_, i) => newEnvelope({ sent: HOUR_AGO + start + i, ttl: 60 }))
    )
    const lasts = pages.map(page => page.at(-1) as Envelope).map(({ sent, hash }) => toHex(encodeCursor(sent, hash)))
    let stuck: () => void = () => {}
    const reached = new Promise<void>(resolve => {
      stuck = resolve
    })
    let stalls = true
    const server = await lyingServer(t, async line => {
      for (;;) {
        const request = await line.request()
        const { cursor, lower } = opened(request, key)
        const at = cursor === undefined ? 0 : lasts.indexOf(toHex(cursor)) + 1
        // what came since the first run
        if (lower > HOUR_AGO) await honest(line, request, [])
        // it is asked for this page once the first one is on disk
        else if (stalls && at === 3) return stuck()
        else await honest(line, request, pages[at] ?? [], at < pages.length - 1)
      }
    })
    await newDataDir(join(cwd, 'waku-data'))
    const node = running ? await startNode(t, cwd, ['--min-pow', '0']) : undefined
    const args = [
      ...['backfill', '--server', `${server.libp2p.getMultiaddrs()[0]}`, '--since', '2h', '--json', '--trust'],
      ...['--password-file', 'their-password', '--page-size', '10', '--min-pow', '0']
    ]
    const child = launch(t, args, { cwd })
    const end = ended(child)
    await Promise.race([reached, end.then(({ stderr }) => assert.fail(stderr))])
    child.kill(signal)
    const { code, stderr } = await end
    assert.equal(code, 130)
    if (!running) assert.match(stderr, /\d0 new envelopes kept; run it again to go on/)
    stalls = false
    const rest = await run(t, args, { cwd })
    assert.equal(rest.code, 0, rest.stderr)
    const { stored, resumed, complete } = pick(rest.json()[0])
    assert.ok(resumed && complete)
    assert.ok(stored >= 20 && stored <= 40, `${stored}`)
    assert.equal(await archived(cwd, 'waku-data', t), 50)
    if (node !== undefined) assert.equal(await node.stop(), 0)
  })
}

function pick(line: unknown): Summary['summary'] {
  const { stored, known, envelopes, resumed, complete } = (line as Summary).summary
  return { stored, known, envelopes, resumed, complete }
}

function notPassword(arg: string, at: number, args: string[]): boolean {
  return arg !== '--password-file' && args[at - 1] !== '--password-file'
}

test('without a node, backfill goes by the config file of one: flags win, what only start takes is no error, a slip is [MAIL-05]', async t => {
  const cwd = tempDir(t)
  const red = Uint8Array.of(1, 2, 3, 4)
  const blue = Uint8Array.of(5, 6, 7, 8)
  const envelopes = Array.from({ length: 30 }, (_, i) =>
    newEnvelope({ sent: HOUR_AGO + i, ttl: i < 20 ? 60 : 90, topic: i % 2 === 0 ? red : blue })
  )
  const full = await fullNode(t, cwd, envelopes)
  for (const dir of ['new', 'other']) await newDataDir(join(cwd, dir))
  const config = (settings: object): string[] => {
    writeFileSync(join(cwd, 'config.json'), JSON.stringify(settings))
    return ['--config', 'config.json']
  }
  const node = {
    'archive-topics': ['0x01020304'],
    'max-ttl': '80s',
    'min-pow': 0,
    'password-file': 'full/password',
    // of start alone, also where it makes no sense
    listen: ['/ip4/127.0.0.1/tcp/30304'],
    'forward-for': 'any',
    'page-bytes': '17B'
  }
  const fill = async (...args: string[]) =>
    run(t, ['backfill', '--server', full.address, '--since', '2h', '--json', '--trust', ...args], { cwd })
  const filled = await fill(...config({ ...node, 'data-dir': 'new' }))
  assert.equal(filled.code, 0, filled.stderr)
  const { summary } = filled.json()[0] as { summary: { stored: number; refused: Record<string, number> } }
  assert.equal(summary.stored, 10)
  assert.equal(summary.refused.ttl, 10)
  assert.equal(summary.refused.pow, 0)
  assert.equal(await archived(cwd, 'new', t), 10)

  const flags = ['--data-dir', 'other', '--max-ttl', '90s', '--archive-topics', '0x05060708']
  const other = await fill(...config({ ...node, 'data-dir': 'new' }), ...flags)
  assert.equal(other.code, 0, other.stderr)
  assert.equal(await archived(cwd, 'other', t), 15)

  for (const [settings, message] of [
    [{ retenton: '1d' }, /"retenton" in config\.json, line 1, column 2: no such setting; is it "retention"\?/],
    [{ trust: true }, /"trust" in config\.json, .*: no such setting/],
    [{ retention: 'x' }, /"retention" in config\.json, line 1, column \d+: expected a duration/],
    [{ password: 'x', 'password-file': 'full/password' }, /exclude each other/]
  ] as const) {
    const { code, stderr } = await fill(...config(settings))
    assert.equal(code, 2)
    assert.match(stderr, message)
  }
  assert.equal(await full.stop(), 0)
})
