import assert from 'node:assert/strict'
import { test } from 'node:test'
import { parseTopic } from '../../src/wire/envelope/topic.js'
import { newEnvelope, unixNow } from '../helpers/envelopes.js'
import { honest } from '../libp2p/lying-server.js'
import { lyingServer } from '../libp2p/mail-nodes.js'
import { tempDir } from '../node/temp-dir.js'
import { run } from './processes.js'

test('envelopes that nobody asked for are not printed, but the summary says that they came', async t => {
  const [asked, other] = ['0xaa000001', '0xbb000002'].map(topic =>
    newEnvelope({ sent: unixNow() - 60, topic: parseTopic(topic) })
  ) as [ReturnType<typeof newEnvelope>, ReturnType<typeof newEnvelope>]
  const { libp2p } = await lyingServer(t, async line => {
    await honest(line, await line.request(), [other, asked])
    await line.stream.close()
  })
  const request = ['request', '--server', String(libp2p.getMultiaddrs()[0]), '--password', 'x', '--trust']
  const of = ['--topics', '0xaa000001']
  const cwd = tempDir(t)
  const asJson = await run(t, [...request, ...of, '--json'], { cwd })
  assert.equal(asJson.code, 0, asJson.stderr)
  const [line, { summary }, ...rest] = asJson.json() as [{ hash: string }, { summary: Record<string, unknown> }]
  assert.deepEqual([line.hash.replace(/^0x/, ''), rest], [asked.hashHex, []])
  assert.deepEqual([summary.envelopes, summary.foreign], [1, 1])
  const plain = await run(t, [...request, ...of], { cwd })
  assert.match(plain.stderr, /1 more came that were not asked for: dropped/)
})
