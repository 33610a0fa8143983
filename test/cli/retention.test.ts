import assert from 'node:assert/strict'
import { once } from 'node:events'
import { join } from 'node:path'
import { type TestContext, test } from 'node:test'
import { openDatabase } from '../../src/archive/database/database.js'
import { openDataDir } from '../../src/node/data-dir/data-dir.js'
import { MAX_UINT32 } from '../../src/wire/bytes.js'
import { topicFromName } from '../../src/wire/envelope/topic.js'
import { newEnvelope } from '../helpers/envelopes.js'
import { tempDir } from '../node/temp-dir.js'
import { runHere } from './in-process.js'
import { newDataDir, type RunningNode, run, startNode } from './processes.js'

const DAY = 86_400
const NEWS = topicFromName('news')

/** A data dir with an envelope for each of so many days, the newest of them sent a while ago. */
async function filled(t: TestContext, { days, ago }: { days: number; ago: number }): Promise<string> {
  const cwd = tempDir(t)
  const path = join(cwd, 'waku-data')
  await newDataDir(path)
  const now = Math.floor(Date.now() / 1000)
  const { archive, close } = await openDatabase((await openDataDir(path)).database)
  await archive.append(Array.from({ length: days }, (_, i) => newEnvelope({ sent: now - ago - i * DAY, topic: NEWS })))
  await close()
  return cwd
}

async function kept(cwd: string): Promise<number> {
  const { archive, close } = await openDatabase((await openDataDir(join(cwd, 'waku-data'))).database)
  const { envelopes } = await archive.size({ lower: 0, upper: MAX_UINT32 })
  await close()
  return envelopes
}

const topic = /0x[0-9a-f]{8}/
const named = (text: string): string => text.replace(topic, '<topic>')
const refusals: [title: string, args: string[], line: string][] = [
  [
    'that names a topic twice',
    ['--retention-topics', 'news=1d,news=2d'],
    '--retention-topics: the retention of topic <topic> is said twice'
  ],
  [
    'that gives a topic more room than everything has',
    ['--retention-topics', 'news=2GiB', '--retention-size', '1GiB'],
    '--retention-topics: the retention of topic <topic> is 2147483648 bytes, and that of everything only 1073741824: it is never reached'
  ],
  [
    'of a topic that is not archived',
    ['--retention-topics', 'news=1d', '--archive-topics', 'sport'],
    '--retention-topics: the retention of topic <topic> means nothing: that topic is not archived'
  ],
  [
    'of no time at all',
    ['--retention', '0s'],
    '--retention: expected a duration with its unit such as 90s, 15m, 24h, 30d or 2w, from 1s to 49710d; or forever, got "0s"'
  ],
  [
    'of no envelope',
    ['--retention-count', '0'],
    '--retention-count: expected a whole number, 1 to 9007199254740991, got "0"'
  ],
  [
    'of less than one envelope may have',
    ['--retention-size', '1KiB'],
    '--retention-size: expected a size with its unit such as 100B, 512KiB, 64MiB or 2GB, in upper and lower case as here, at least 1MiB, got "1KiB"'
  ]
]
for (const [title, args, line] of refusals)
  test(`a retention ${title} is refused in one line, and nothing is deleted`, async t => {
    const cwd = await filled(t, { days: 40, ago: 60 })
    const { code, stderr } = await runHere(['start', '--data-dir', join(cwd, 'waku-data'), ...args])
    assert.deepEqual([code, named(stderr)], [2, `waku-mailserver: ${line}\n`])
    assert.equal(await kept(cwd), 40)
  })

test('a prune of everything up to a time to come is refused, and nothing is deleted', async t => {
  const cwd = await filled(t, { days: 3, ago: 60 })
  const { code, stderr } = await runHere(['prune', '--before', '2099-01-01', '--data-dir', join(cwd, 'waku-data')])
  assert.equal(code, 2)
  assert.match(stderr, /^waku-mailserver: --before: expected a time that is over: .*, got "2099-01-01"\n$/)
  assert.equal(await kept(cwd), 3)
})

/** Resolves when the node has printed something. */
async function said({ child, output }: RunningNode, pattern: RegExp): Promise<RegExpExecArray> {
  const signal = AbortSignal.timeout(30_000)
  for (;;) {
    const found = pattern.exec(output())
    if (found !== null) return found
    await Promise.race(
      [child.stderr, child.stdout].map(from => once(from as NodeJS.ReadableStream, 'data', { signal }))
    )
  }
}

test('a node whose clock jumped a day ahead says so, deletes nothing by it, and stores what it confirms', async t => {
  const cwd = await filled(t, { days: 30, ago: DAY })
  const node = await startNode(t, cwd, ['--retention', '30d'], { DEBUG: 'waku:retention*' })
  const [, ahead] = await said(
    node,
    /the clock is (\d+) s ahead of the newest envelope and the time since: ages are not counted by it/
  )
  assert.ok(Math.abs(Number(ahead) - DAY) < 120, `${ahead} s ahead`)
  const post = await run(t, ['post', '--to', node.address, '--topic', 'news', '--payload', 'x'], { cwd })
  assert.equal(post.code, 0, post.stderr)
  assert.equal(await node.stop(), 0)
  assert.equal(await kept(cwd), 31)
})

test('a node deletes a quarter of its archive at most when more than that is too old at once, and says so', async t => {
  const cwd = await filled(t, { days: 40, ago: 60 })
  const node = await startNode(t, cwd, ['--retention', '10d'], { DEBUG: 'waku:retention*' })
  await said(
    node,
    /more than a quarter of the archive is too old or too much: the rest goes later, or at once by "prune"/
  )
  assert.equal(await node.stop(), 0)
  assert.equal(await kept(cwd), 30)
})
