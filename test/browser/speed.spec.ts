import '../../src/base/polyfill.js'
import assert from 'node:assert/strict'
import { type TestContext, test } from 'node:test'
import { keyFromPassword } from '../../src/wire/key.js'
import { encodePayload } from '../../src/wire/payload.js'
import { sealSymmetric } from '../../src/wire/symmetric.js'
import { topicFromName } from '../../src/wire/topic.js'
import { newEnvelope, unixNow } from '../helpers/envelopes.js'
import { connected, openPage, startChromium } from './chromium.js'
import { mailNode } from './mail.js'
import { serveExample } from './site.js'

const COUNT = 10_000
const CHANNEL = 'flood'
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
  await context.addInitScript(() => {
    const long: number[] = []
    Object.assign(globalThis, { long })
    new PerformanceObserver(list => {
      long.push(...list.getEntries().map(({ duration }) => Math.round(duration)))
    }).observe({ type: 'longtask', buffered: true })
  })
  const settings = { server: node.address, password: node.password, channel: CHANNEL }
  const { page, failures } = await openPage(browser, { origin, settings, context })
  await page.locator(`#letters[data-count="${COUNT}"]`).waitFor({ timeout: 120_000 })
  await connected(page)
  const long = await page.evaluate(() => (globalThis as unknown as { long: number[] }).long)
  t.diagnostic(
    `${envelopes[0]?.raw.length} bytes each; tasks above 50 ms: ${long.length === 0 ? 'none' : `${long} ms`}`
  )
  assert.deepEqual(failures, [])
})
