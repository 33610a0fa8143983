import '../../src/base/polyfill.js'
import assert from 'node:assert/strict'
import { type TestContext, test } from 'node:test'
import { keyFromPassword } from '../../src/wire/envelope/key.js'
import { topicFromName } from '../../src/wire/envelope/topic.js'
import { encodePayload } from '../../src/wire/payload/payload.js'
import { sealSymmetric } from '../../src/wire/payload/symmetric.js'
import { newEnvelope, unixNow } from '../helpers/envelopes.js'
import { connected, openPage, startChromium } from './chromium.js'
import { mailNode } from './mail.js'
import { serveExample } from './site.js'

const COUNT = 10_000
const CHANNEL = 'flood'

interface TraceEvent {
  name: string
  ph: string
  pid: number
  tid: number
  tdur?: number
  args: { name?: string }
}

/** CPU time of every task of the busiest page, ms: what other programs take meanwhile does not count. */
function tasksOf(trace: Buffer): number[] {
  const { traceEvents } = JSON.parse(trace.toString()) as { traceEvents: TraceEvent[] }
  const mains = traceEvents.filter(({ name, args }) => name === 'thread_name' && args.name === 'CrRendererMain')
  return mains
    .map(main =>
      traceEvents
        .filter(({ name, ph, pid, tid }) => name === 'RunTask' && ph === 'X' && pid === main.pid && tid === main.tid)
        .map(({ tdur = 0 }) => tdur / 1000)
    )
    .reduce((most, tasks) => (tasks.length > most.length ? tasks : most), [])
}

test('a page opens 10,000 envelopes of 450 bytes, and tells which of its tasks were long', async (t: TestContext) => {
  const node = await mailNode(t)
  const key = await keyFromPassword(CHANNEL)
  const topic = topicFromName(CHANNEL)
  const begin = unixNow() - 86_400
  const envelopes = Array.from({ length: COUNT }, (_, i) => {
    const payload = new TextEncoder().encode(`${i} `.padEnd(340, 'x'))
    const data = sealSymmetric(encodePayload({ payload }), key)
    return newEnvelope({ sent: begin + i, ttl: 10, topic, data })
  })
  await node.daemon.node.services.mailserver.archive.append(envelopes)
  const origin = `http://127.0.0.1:${await serveExample(t)}`
  const browser = await startChromium(t)
  const context = await browser.newContext()
  await browser.startTracing(undefined, { categories: ['devtools.timeline', 'disabled-by-default-devtools.timeline'] })
  const settings = { server: node.address, password: node.password, channel: CHANNEL }
  const { page, failures } = await openPage(browser, { origin, settings, context })
  await page.locator(`#letters[data-count="${COUNT}"]`).waitFor({ timeout: 120_000 })
  await connected(page)
  const tasks = tasksOf(await browser.stopTracing())
  assert.ok(tasks.length > 100, 'the trace has the page’s tasks')
  const long = tasks.filter(ms => ms > 50).map(Math.round)
  t.diagnostic(
    `${envelopes[0]?.raw.length} bytes each; tasks of more than 50 ms CPU: ${long.length === 0 ? 'none' : `${long} ms`}; the longest ${Math.round(Math.max(...tasks))} ms`
  )
  assert.deepEqual(failures, [])
})
