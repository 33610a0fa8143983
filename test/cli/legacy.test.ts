import assert from 'node:assert/strict'
import { join } from 'node:path'
import { test } from 'node:test'
import { tempDir } from '../node/temp-dir.js'
import { portOpen, run, startNode } from './processes.js'

const WATER = ['--topics', 'water', '--since', '1h', '--trust', '--json']

interface Line {
  text?: string
  summary?: { envelopes: number; complete: boolean }
}

const textsOf = (lines: Line[]): string[] => lines.flatMap(({ text }) => (text === undefined ? [] : [text])).sort()

test('a node is posted to and asked by its enode URL, in forms that devp2p clients use [WAKU-01 D-01]', async t => {
  const cwd = tempDir(t)
  const server = await startNode(t, cwd, ['--plain-requests'])
  const post = ['post', '--to', server.enode, '--topic', 'water', '--json']
  for (const payload of ['one', 'two', 'three']) {
    const { code, json } = await run(t, [...post, '--payload', payload], { cwd })
    assert.equal(code, 0)
    assert.equal(json()[0]?.confirmed, true)
  }
  const password = ['--password-file', join('waku-data', 'password')]
  const request = ['request', '--server', server.enode, ...WATER]
  const forms = ['sg6', 'spec5', 'plain7']
  for (const form of ['', ...forms]) {
    const dialect = form === '' ? [] : ['--dialect', form]
    const sealed = form.startsWith('plain') ? [] : password
    const { code, stderr, json } = await run(t, [...request, ...dialect, ...sealed], { cwd })
    assert.equal(code, 0, `${form}: ${stderr}`)
    assert.deepEqual(textsOf(json()), ['one', 'three', 'two'], form)
    assert.equal((json().at(-1) as Line).summary?.complete, true, form)
  }
  const raw = await run(t, [...request, ...password, '--dialect', 'raw72'], { cwd })
  assert.equal(raw.code, 1)
  assert.match(raw.stderr, /such a server is asked in sg7, sg6, plain7/)
  assert.equal(await server.stop(), 0)
})

test('plain requests are refused unless the owner allowed them [D-02]', async t => {
  const cwd = tempDir(t)
  const server = await startNode(t, cwd)
  const request = ['request', '--server', server.enode, ...WATER, '--dialect', 'plain7']
  const { code, stderr } = await run(t, request, { cwd })
  assert.equal(code, 1)
  assert.match(stderr, /request is invalid|not encrypted/)
  assert.equal(await server.stop(), 0)
})

test('nodes of both worlds: what is posted here is archived there, and asked for through a third', async t => {
  const cwd = tempDir(t)
  const archive = await startNode(t, cwd, ['--data-dir', 'archive'])
  // speaks to the archive by devp2p, and serves libp2p clients alone
  const between = await startNode(t, cwd, [
    ...['--data-dir', 'between', '--peer', archive.enode],
    ...['--upstream', archive.enode, '--forward-for', 'any']
  ])
  const post = ['post', '--to', archive.enode, '--topic', 'water', '--payload', 'from afar']
  assert.equal((await run(t, post, { cwd })).code, 0)
  const request = ['request', '--server', between.address, ...WATER]
  const own = await run(t, [...request, '--password-file', 'between/password'], { cwd })
  assert.equal(own.code, 0, own.stderr)
  const passedOn = await run(t, [...request, '--password-file', 'archive/password', '--dialect', 'sg7'], { cwd })
  assert.equal(passedOn.code, 0, passedOn.stderr)
  assert.deepEqual(textsOf(passedOn.json()), ['from afar'])
  const stats = (await run(t, ['stats', '--data-dir', 'between', '--json'], { cwd })).json()[0] as {
    upstreamRelay: Record<string, number>
    devp2p: Record<string, number>
  }
  assert.equal(stats.upstreamRelay.answers_complete, 1)
  assert.ok((stats.devp2p.peers ?? 0) >= 1)
  const wrong = await run(t, [...request, '--password', 'wrong'], { cwd })
  assert.match(wrong.stderr, /failed to decrypt/)
  assert.equal(await between.stop(), 0)
  assert.equal(await archive.stop(), 0)
})

test('a devp2p port that was chosen and is in use is a clear error; --no-devp2p opens none', async t => {
  const cwd = tempDir(t)
  const first = await startNode(t, cwd, ['--data-dir', 'first', '--devp2p-listen', '127.0.0.1:0'])
  const port = Number(first.enode.split(':').at(-1))
  const listen = ['--listen', '/ip4/127.0.0.1/tcp/0', '--data-dir', 'second']
  const taken = await run(t, ['start', ...listen, '--devp2p-listen', `127.0.0.1:${port}`], { cwd })
  assert.equal(taken.code, 1)
  assert.match(taken.stderr, /the devp2p port of 127\.0\.0\.1:\d+ is in use: choose another with --devp2p-listen/)
  const silent = await startNode(t, cwd, ['--data-dir', 'second', '--no-devp2p'])
  assert.equal(silent.enode, '')
  assert.equal(await silent.stop(), 0)
  assert.equal(await portOpen(port), true)
  assert.equal(await first.stop(), 0)
  assert.equal(await portOpen(port), false)
})

test('settings that hardly can be meant are remarked on', async t => {
  const cwd = tempDir(t)
  const server = await startNode(t, cwd, ['--forward-for', 'any'])
  assert.match(server.output(), /--forward-for without --upstream/)
  assert.equal(await server.stop(), 0)
})
