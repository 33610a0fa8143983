import assert from 'node:assert/strict'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { tempDir } from '../node/temp-dir.js'
import { run, startNode } from './processes.js'

const TTL = 2

/** Until the wall clock is past a Unix time: that a TTL is over is a matter of real time. */
async function past(seconds: number): Promise<void> {
  for (let left = seconds * 1000 + 1 - Date.now(); left > 0; left = seconds * 1000 + 1 - Date.now()) await sleep(left)
}

test('messages posted by a peer that left are fetched after their TTL, byte for byte, by a client that trusts the server [MAIL-07 MAIL-26 MAIL-28 MAIL-35 WAKU-02]', async t => {
  const cwd = tempDir(t)
  const server = await startNode(t, cwd)
  const text = 'the bridge is open'
  const bytes = Uint8Array.from({ length: 700 }, (_, i) => i % 256)
  writeFileSync(join(cwd, 'secret'), 'something else\n')

  const post = ['post', '--to', server.address, '--ttl', `${TTL}s`, '--json']
  const public_ = await run(t, [...post, '--topic', 'news', '--payload', text], { cwd })
  const binary = await run(t, [...post, '--topic', 'news'], { cwd, input: bytes })
  const private_ = await run(t, [...post, '--topic', 'news', '--key-password-file', 'secret', '--payload', 'hidden'], {
    cwd
  })
  for (const { code, stderr } of [public_, binary, private_]) assert.equal(code, 0, stderr)
  assert.match(public_.stderr, /public channel "news"/)
  assert.equal(private_.stderr, '')
  const posted = [public_, binary, private_].map(({ json }) => json()[0] ?? {})
  await past(Math.max(...posted.map(({ expiry }) => Number(expiry))))

  const request = [
    'request',
    '--server',
    server.address,
    '--topics',
    'news',
    '--since',
    '1h',
    '--password-file',
    'waku-data/password'
  ]
  const refused = await run(t, request, { cwd })
  assert.notEqual(refused.code, 0, 'the server is not trusted')
  assert.match(refused.stderr, /not trusted/)
  assert.equal(refused.stdout, '')

  const fetched = await run(t, [...request, '--trust', '--raw', '--json'], { cwd })
  assert.equal(fetched.code, 0, fetched.stderr)
  const lines = fetched.json()
  const summary = lines.pop()?.summary as Record<string, unknown>
  assert.deepEqual(
    [summary.envelopes, summary.decrypted, summary.complete, summary.server],
    [3, 2, true, server.peerId],
    'the third message is in another key'
  )
  const now = Math.floor(Date.now() / 1000)
  for (const line of lines) assert.ok(Number(line.expiry) < now)
  const of = (wanted: Record<string, unknown>) => lines.find(({ hash }) => hash === wanted.hash)
  assert.equal(of(posted[0] ?? {})?.payload, `0x${Buffer.from(text).toString('hex')}`)
  assert.equal(of(posted[0] ?? {})?.text, text)
  assert.equal(of(posted[1] ?? {})?.payload, `0x${Buffer.from(bytes).toString('hex')}`)
  assert.equal(of(posted[1] ?? {})?.text, undefined, 'it is not UTF-8')
  assert.equal(of(posted[2] ?? {})?.payload, undefined)
  assert.match(String(of(posted[2] ?? {})?.raw), /^0x[0-9a-f]+$/)

  const again = await run(t, request, { cwd })
  assert.notEqual(again.code, 0, '--trust was for one run only')

  const own = await run(t, [...request, '--trust', '--key-password-file', 'secret'], { cwd })
  const opened = own.json().filter(line => line.text !== undefined)
  assert.deepEqual(
    opened.map(line => line.text),
    ['hidden']
  )
  assert.equal(await server.stop(), 0)
})

test('a request pages, stops at its limit, and goes on from its cursor without gap or repetition', async t => {
  const cwd = tempDir(t)
  const server = await startNode(t, cwd)
  const posted = await run(
    t,
    ['post', '--to', server.address, '--topic', 'news', '--payload', 'x', '--count', '7', '--json'],
    { cwd }
  )
  assert.equal(posted.code, 0, posted.stderr)
  const request = ['request', '--server', server.address, '--password-file', 'waku-data/password', '--trust', '--json']
  const first = (await run(t, [...request, '--limit', '5', '--page-size', '2'], { cwd })).json()
  const { summary } = first.pop() as { summary: Record<string, unknown> }
  assert.deepEqual([summary.envelopes, summary.pages, summary.complete], [5, 3, false])
  const rest = (await run(t, [...request, '--cursor', String(summary.cursor)], { cwd })).json()
  assert.equal((rest.pop() as Record<string, Record<string, unknown>>).summary?.complete, true)
  const hashes = [...first, ...rest].map(({ hash }) => hash)
  assert.deepEqual(
    [...hashes].sort(),
    posted
      .json()
      .map(({ hash }) => hash)
      .sort()
  )
  const other = `16Uiu2HAmTvN6CWRRTqKrVGDbvVh1wpUWiwdSxDGzVYCGPNFsB6Ro/${'00'.repeat(36)}`
  const foreign = await run(t, [...request, '--cursor', other], { cwd })
  assert.equal(foreign.code, 2)
  assert.match(foreign.stderr, /cursor/)
})

test('a printed cursor goes on with the same command line when its --since, counted from now, has moved past it', async t => {
  const cwd = tempDir(t)
  const server = await startNode(t, cwd)
  const post = ['post', '--to', server.address, '--topic', 'news', '--payload', 'x', '--count', '5', '--json']
  const posted = (await run(t, post, { cwd })).json()
  const request = [
    ...['request', '--server', server.address, '--password-file', 'waku-data/password', '--trust', '--json']
  ]
  const first = (await run(t, [...request, '--since', '1h', '--limit', '2'], { cwd })).json()
  const cursor = String((first.pop() as { summary: Record<string, unknown> }).summary.cursor)
  await past(Math.max(...posted.map(({ sent }) => Number(sent))) + 4)
  const second = await run(t, [...request, '--since', '3s', '--cursor', cursor], { cwd })
  assert.equal(second.code, 0, second.stderr)
  const rest = second.json()
  assert.equal((rest.pop() as { summary: Record<string, unknown> }).summary.complete, true)
  assert.deepEqual([...first, ...rest].map(({ hash }) => hash).sort(), posted.map(({ hash }) => hash).sort())
  const named = await run(t, [...request, '--since', `${Math.floor(Date.now() / 1000)}`, '--cursor', cursor], { cwd })
  assert.equal(named.code, 2, 'a time that was named stays')
  assert.match(named.stderr, /--cursor lies before --since/)
})

test('a request in ingest order prints a cursor that brings later just what was archived since', async t => {
  const cwd = tempDir(t)
  const server = await startNode(t, cwd)
  const post = ['post', '--to', server.address, '--topic', 'news', '--json', '--payload']
  for (const text of ['one', 'two']) assert.equal((await run(t, [...post, text], { cwd })).code, 0)
  const request = ['request', '--server', server.address, '--password-file', 'waku-data/password', '--trust']
  const asking = async (...more: string[]) => {
    const answer = await run(t, [...request, '--topics', 'news', '--json', ...more], { cwd })
    assert.equal(answer.code, 0, answer.stderr)
    const lines = answer.json() as { text?: string; summary?: Record<string, unknown> }[]
    return { texts: lines.flatMap(({ text }) => text ?? []), summary: lines.at(-1)?.summary ?? {} }
  }
  const first = await asking('--order', 'ingest', '--coverage')
  assert.deepEqual([first.texts, first.summary.complete], [['one', 'two'], true])
  const { since, ...coverage } = first.summary.coverage as Record<string, unknown>
  assert.deepEqual(coverage, { oldest: 0, more: false, gaps: [] })
  assert.equal(typeof since, 'number')
  const cursor = String(first.summary.cursor)
  assert.deepEqual((await asking('--cursor', cursor)).texts, [])
  assert.equal((await run(t, [...post, 'three'], { cwd })).code, 0)
  const later = await asking('--cursor', cursor)
  assert.deepEqual([later.texts, later.summary.order], [['three'], 'ingest'])
  await past(Math.floor(Date.now() / 1000) + 1)
  assert.deepEqual(
    (await asking('--since', '1s', '--cursor', cursor)).texts,
    ['three'],
    'what counts from now has moved on'
  )
  const wrong = await run(t, [...request, '--order', 'time', '--cursor', cursor], { cwd })
  assert.equal(wrong.code, 2)
  assert.match(wrong.stderr, /--cursor goes on in the order of ingest, not of time/)
  const plain = await run(t, [...request, '--topics', 'news', '--coverage', '--since', '30d'], { cwd })
  assert.match(plain.stderr, /that is all\nthis server archives since /)
})

test('every dialect that can be chosen fetches the same', async t => {
  const cwd = tempDir(t)
  const server = await startNode(t, cwd)
  const posted = await run(t, ['post', '--to', server.address, '--topic', 'news', '--payload', 'x', '--json'], { cwd })
  assert.equal(posted.code, 0, posted.stderr)
  const request = [
    'request',
    '--server',
    server.address,
    '--password-file',
    'waku-data/password',
    '--trust',
    '--topics',
    'news'
  ]
  for (const dialect of ['spec4', 'spec5', 'spec6t', 'sg6', 'sg7']) {
    const { code, json, stderr } = await run(t, [...request, '--dialect', dialect], { cwd })
    assert.equal(code, 0, stderr)
    assert.deepEqual(
      json().map(({ hash }) => hash),
      [posted.json()[0]?.hash],
      dialect
    )
  }
  const raw = await run(t, [...request, '--dialect', 'raw8'], { cwd })
  assert.equal(raw.code, 2)
  assert.match(raw.stderr, /--dialect: expected one of spec4, spec5, spec6t, sg6, sg7/)
})

test('a request in another key than the agreed one is refused with the reason [MAIL-17]', async t => {
  const cwd = tempDir(t)
  const server = await startNode(t, cwd)
  const request = ['request', '--server', server.address, '--trust']
  const wrong = await run(t, [...request, '--password', 'guessed'], { cwd })
  assert.equal(wrong.code, 1)
  assert.match(wrong.stderr, /no key of this server opens the request/)
  assert.match(wrong.stderr, /--password is seen by everyone/)
  const none = await run(t, request, { cwd })
  assert.equal(none.code, 2)
  assert.match(none.stderr, /needs --password-file/)
})
