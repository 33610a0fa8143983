import assert from 'node:assert/strict'
import { once } from 'node:events'
import { cpSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { tempDir } from '../node/temp-dir.js'
import { assertKept, ended, launch, newDataDir, type RunningNode, run, startNode } from './processes.js'

/** Resolves when a node has printed it, on the stream for errors. */
async function said(node: RunningNode, text: RegExp): Promise<void> {
  const signal = AbortSignal.timeout(60_000)
  while (!text.test(node.output())) await once(node.child.stderr as never, 'data', { signal })
}

test('two nodes of one identity are told to the operators of all three', async t => {
  const [here, one, two] = [tempDir(t), tempDir(t), tempDir(t)]
  await newDataDir(join(one, 'waku-data'))
  cpSync(join(one, 'waku-data'), join(two, 'waku-data'), { recursive: true })
  const middle = await startNode(t, here, ['--no-devp2p'])
  const twins = [await startNode(t, one, ['--no-devp2p', '--peer', middle.address])]
  twins.push(await startNode(t, two, ['--no-devp2p', '--peer', middle.address]))
  await said(middle, /a peer with one identity connects from two places/)
  await Promise.all(twins.map(twin => said(twin, /another node seems to use the identity of this one/)))
  const [{ peerId }] = twins as [RunningNode]
  for (const node of [middle, ...twins]) {
    const lines = node.output().split('\n')
    const notices = lines.filter(line => /was (its|this) data dir copied\?/.test(line))
    assert.equal(notices.length, 1, 'it is said once')
    assert.ok(!notices[0]?.includes(peerId) && !/127\.0\.0\.1/.test(notices[0] ?? ''), 'neither peer nor address')
  }
})

test('a node that is given its own address serves, and says that it leaves it out', async t => {
  const cwd = tempDir(t)
  const first = await startNode(t, cwd)
  await first.stop()
  const again = await startNode(t, cwd, ['--peer', first.address, '--upstream', first.enode, '--forward-for', 'any'])
  await said(again, /--peer names this node itself, which is left out/)
  await said(again, /--upstream names this node itself, which is left out/)
})

for (const network of ['libp2p', 'devp2p'] as const) {
  test(`two posts of one identity over ${network}: what is not confirmed is said, with its cause`, async t => {
    const cwd = tempDir(t)
    await newDataDir(join(cwd, 'one'))
    cpSync(join(cwd, 'one'), join(cwd, 'two'), { recursive: true })
    const server = await startNode(t, cwd)
    const to = network === 'libp2p' ? server.address : server.enode
    const post = ['post', '--to', to, '--topic', 'twins', '--payload', 'x', '--json']
    const first = launch(t, [...post, '--data-dir', 'one', '--count', '3000'], { cwd })
    const firstEnd = ended(first)
    await once(first.stdout as never, 'data')
    const second = await run(t, [...post, '--data-dir', 'two', '--count', '20'], { cwd })
    const ends = [await firstEnd, second]
    const told = ends.filter(({ stderr }) =>
      /uses the identity of (one|two), a copied data dir; give each its own with --data-dir/.test(stderr)
    )
    assert.ok(told.length > 0, ends.map(({ stderr }) => stderr).join(''))
    for (const { code } of told) assert.equal(code, 1)
    if (!told.includes(second)) assert.equal(second.code, 0, second.stderr)
    const confirmed = ends.flatMap(end => end.json().filter(line => line.confirmed === true))
    assert.ok(confirmed.length > 0)
    await assertKept(t, server.address, { confirmed, topic: 'twins', cwd })
  })
}
