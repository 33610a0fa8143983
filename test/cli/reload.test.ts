import assert from 'node:assert/strict'
import { once } from 'node:events'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { tempDir } from '../node/temp-dir.js'
import { type RunningNode, run, startNode } from './processes.js'

/** Has the node read its settings again, and gives what it says of that. */
async function reload({ child, output }: RunningNode): Promise<string> {
  const before = output().length
  child.kill('SIGHUP')
  const signal = AbortSignal.timeout(30_000)
  for (;;) {
    const line = /(settings read again|the settings stay as they are): .*\n/.exec(output().slice(before))?.[0]
    if (line !== undefined) return line
    await once(child.stderr as NodeJS.ReadableStream, 'data', { signal })
  }
}

test('on SIGHUP a node takes over what can change, keeps all of it where something is wrong, and serves on', async t => {
  const cwd = tempDir(t)
  const settings = (config: object): void => writeFileSync(join(cwd, 'config.json'), JSON.stringify(config))
  settings({ retention: '30d', 'password-file': 'password' })
  writeFileSync(join(cwd, 'password'), 'the first\n')
  writeFileSync(join(cwd, 'second'), 'the second\n')
  const node = await startNode(t, cwd, ['--config', 'config.json'])
  const post = async (topic: string): Promise<void> => {
    const ended = await run(t, ['post', '--to', node.address, '--topic', topic, '--payload', 'x'], { cwd })
    assert.equal(ended.code, 0, ended.stderr)
  }
  const ask = async (file: string) =>
    (await run(t, ['request', '--server', node.address, '--password-file', file, '--trust', '--json'], { cwd })).json()
  await post('news')
  assert.match(await reload(node), /settings read again: nothing changed/)
  settings({ retention: '30d', 'archive-topics': ['sport'], 'password-file': 'second', 'min-pow': 0.5 })
  assert.match(
    await reload(node),
    /changed (password-file|archive-topics), (password-file|archive-topics); min-pow will/
  )
  await post('news')
  await post('sport')
  assert.equal(
    (await ask('password')).filter(line => 'hash' in line).length,
    0,
    'the first password opens nothing more'
  )
  assert.equal((await ask('second')).filter(line => 'hash' in line).length, 2, 'one of news from before, one of sport')
  for (const [wrong, reason] of [
    [{ retention: 'soon' }, /"retention" in config\.json, line 1/],
    [{ retenton: '7d' }, /no such setting; is it "retention"/],
    [{ 'password-file': 'nowhere', retention: '1s' }, /nowhere/]
  ] as const) {
    settings(wrong)
    const line = await reload(node)
    assert.match(line, /the settings stay as they are/)
    assert.match(line, reason)
  }
  assert.equal(
    (await ask('second')).filter(line => 'hash' in line).length,
    2,
    'nothing of what was wrong was taken over'
  )
  settings({ retention: '1s', 'password-file': 'second' })
  await post('sport')
  assert.match(await reload(node), /changed retention/)
  assert.equal(await node.stop(), 0)
})

test('SIGHUP while a node starts ends nothing: it reads its settings again once it serves', async t => {
  const cwd = tempDir(t)
  writeFileSync(join(cwd, 'config.json'), JSON.stringify({ retention: '30d' }))
  // as soon as anything listens to signals: before, nothing but Node was loaded
  const early = `process.on('newListener', name => name.startsWith('SIG') && setImmediate(() => process.kill(process.pid, 'SIGHUP')))`
  const preload = `data:text/javascript,${encodeURIComponent(early)}`
  const node = await startNode(t, cwd, ['--config', 'config.json'], { NODE_OPTIONS: `--import ${preload}` })
  const signal = AbortSignal.timeout(30_000)
  while (!/settings read again: nothing changed/.test(node.output()))
    await once(node.child.stderr as NodeJS.ReadableStream, 'data', { signal })
  assert.equal(await node.stop(), 0)
})
