import assert from 'node:assert/strict'
import { test } from 'node:test'
import { tempDir } from '../node/temp-dir.js'
import { ended, launch, run, startNode } from './processes.js'

test('a request that ends early says where another goes on, and nothing is missed or repeated', async t => {
  const cwd = tempDir(t)
  const server = await startNode(t, cwd)
  const post = ['post', '--to', server.address, '--topic', 'x', '--count', '60', '--json']
  const posted = await run(t, post, { cwd, input: 'y'.repeat(20_000) })
  assert.equal(posted.code, 0, posted.stderr)
  const request = [
    'request',
    '--server',
    server.address,
    '--password-file',
    'waku-data/password',
    '--trust',
    '--raw',
    '--json'
  ]
  const child = launch(t, [...request, '--page-size', '2'], { cwd })
  let seen = 0
  child.stdout?.on('data', chunk => {
    const before = seen
    seen += String(chunk).split('\n').length - 1
    // five megabytes are to come: it cannot be done yet
    if (before < 6 && seen >= 6) child.kill('SIGINT')
  })
  const first = await ended(child)
  assert.equal(first.code, 130, first.stderr)
  const lines = first.json()
  const summary = lines.pop()?.summary as Record<string, unknown>
  assert.equal(summary.complete, false)
  const second = (await run(t, [...request, '--cursor', String(summary.cursor)], { cwd })).json()
  second.pop()
  const pages = lines.slice(0, Number(summary.pages) * 2)
  const hashes = [...pages, ...second].map(({ hash }) => hash)
  assert.deepEqual(
    hashes.sort(),
    posted
      .json()
      .map(({ hash }) => hash)
      .sort()
  )
})
