import assert from 'node:assert/strict'
import { once } from 'node:events'
import { test } from 'node:test'
import type { View } from '../../src/admin/view.js'
import { topScreen } from '../../src/cli/top-screen.js'
import { tempDir } from '../node/temp-dir.js'
import { launch, run, startNode } from './processes.js'

test('top shows the running node, once where nobody watches, and as JSON again and again', {
  timeout: 60_000
}, async t => {
  const cwd = tempDir(t)
  const node = await startNode(t, cwd)
  const { code, stdout } = await run(t, ['top'], { cwd })
  assert.equal(code, 0)
  assert.match(stdout, /^archive {3}0 envelopes, /m)
  assert.match(stdout, /^ok {5}archive_reads {3}0 envelopes$/m)
  assert.ok(!stdout.includes('\u001b'), 'no terminal, no control characters')

  const child = launch(t, ['top', '--json', '--every', '1s'], { cwd })
  let text = ''
  child.stdout?.setEncoding('utf8').on('data', chunk => {
    text += chunk
  })
  const exit = once(child, 'exit')
  while (text.split('\n').length < 3) await once(child.stdout ?? assert.fail(), 'data')
  child.kill('SIGINT')
  assert.equal((await exit)[0], 0)
  const view = JSON.parse(text.split('\n')[1] ?? '') as View
  assert.equal(view.snapshot.archive.envelopes, 0)

  const narrow = topScreen(view, { rows: 5, columns: 20 }).split('\n')
  assert.equal(narrow.length, 5)
  assert.ok(narrow.every(line => line.length <= 20))

  await node.stop()
  const gone = await run(t, ['top'], { cwd })
  assert.equal(gone.code, 1)
  assert.match(gone.stderr, /no node runs on this data dir: run "waku-mailserver start"/)
})
