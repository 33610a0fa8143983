import assert from 'node:assert/strict'
import { once } from 'node:events'
import { connect } from 'node:net'
import { type TestContext, test } from 'node:test'
import { AdminServer } from '../../src/admin/admin-server.js'
import type { AdminRoute } from '../../src/admin/answer.js'
import { EventFeed } from '../../src/admin/event-feed.js'
import { Gate } from '../../src/admin/gate.js'
import type { View } from '../../src/admin/view.js'
import * as FIGURES from '../../src/limits/figures.js'
import { topicFromName } from '../../src/wire/envelope/topic.js'
import { newEnvelope, unixNow } from '../helpers/envelopes.js'
import { ask, bearer, urlOf } from './asking.js'
import { running } from './running.js'

const TOKEN = 't'.repeat(43)

test('the page and everything that it asks for need the token', async t => {
  const daemon = await running(t)
  for (const path of ['/', '/page.js', '/page.css', '/icon.svg', '/api/view', '/api/archive', '/api/samples']) {
    assert.equal((await ask(urlOf(daemon, path))).status, 401, path)
    assert.equal((await ask(urlOf(daemon, path), { headers: bearer(daemon) })).status, 200, path)
  }
  assert.equal((await ask(urlOf(daemon, '/api/events'))).status, 401)
  assert.equal((await ask(urlOf(daemon, '/api/command'), { method: 'POST' })).status, 401)
})

test('the view, the calendar and the samples say what is', async t => {
  const daemon = await running(t)
  const { archive } = daemon.node.services.mailserver
  const now = unixNow()
  const hour = now - (now % 3600)
  await archive.append([newEnvelope({ sent: hour }), newEnvelope({ sent: hour, topic: topicFromName('x') })])
  await archive.addGap({ from: now - 7200, until: now - 3600, kind: 0, count: 0 })
  const get = async <T>(path: string): Promise<T> =>
    JSON.parse((await ask(urlOf(daemon, path), { headers: bearer(daemon) })).body)
  const view = await get<View>('/api/view')
  assert.equal(view.snapshot.archive.envelopes, 2)
  assert.equal(view.topics.length, 2)
  for (const { name } of view.topics) assert.match(name, /^[0-9a-f]{10}$/)
  const calendar = await get<{ days: Array<{ from: number; hours: number[] }>; gaps: unknown[] }>('/api/archive')
  assert.equal(calendar.days.length, 14)
  const today = calendar.days.at(-1)
  assert.equal(today?.hours[(hour - (today?.from ?? 0)) / 3600], 2)
  assert.equal(
    calendar.days.flatMap(({ hours }) => hours).reduce((a, b) => a + b),
    2
  )
  assert.equal(calendar.gaps.length, 1)
  assert.equal((await ask(urlOf(daemon, '/api/samples?seconds=1e9'), { headers: bearer(daemon) })).status, 400)
})

test('a command is one of those that the page has, posted as JSON, and its errors name what is wrong', async t => {
  const daemon = await running(t)
  const post = async (body: string, type = 'application/json') =>
    await ask(urlOf(daemon, '/api/command'), {
      method: 'POST',
      headers: { ...bearer(daemon), 'content-type': type },
      body
    })
  assert.equal((await post('{"command":"trust.list"}')).body, '{"result":[]}\n')
  assert.equal((await post('{"command":"trust.list"}', 'text/plain')).status, 415)
  for (const body of ['', '{', '[]', '{"command":"prune","params":{"before":4294967295}}', '{"command":"toString"}']) {
    const { status, body: said } = await post(body)
    assert.equal(status, 400, body)
    assert.match(said, /a command is one of trust\.list/)
  }
  const wrong = await post('{"command":"trust.add","params":{"peer":"nobody"}}')
  assert.equal(wrong.status, 400)
  assert.match(wrong.body, /not a peer id/)
  const added = await post('{"command":"keys.add","params":{"name":"alice","password":"a secret of hers"}}')
  assert.equal(added.status, 200)
  assert.ok(!added.body.includes('secret'))
  assert.ok(daemon.node.services.mailserver.keyring.list().some(({ name }) => name === 'alice'))
})

test('who follows events and never reads them is let go, and the others are told on', { timeout: 60_000 }, async t => {
  const { feed, server } = await listening(t, () => 'x'.repeat(200_000), 5)
  const { hostname, port } = new URL(server.url)
  const head = `GET /events HTTP/1.1\r\nHost: ${hostname}\r\nAuthorization: Bearer ${TOKEN}\r\n\r\n`
  const deaf = connect(Number(port), hostname)
  deaf.on('error', () => {})
  deaf.pause()
  deaf.write(head)
  const reader = connect(Number(port), hostname)
  let read = 0
  reader.on('data', chunk => {
    read += chunk.length
  })
  reader.write(head)
  await once(reader, 'data')
  while (feed.followers > 1) await once(reader, 'data')
  const before = read
  await once(reader, 'data')
  assert.ok(read > before)
  assert.equal(feed.followers, 1)
  reader.destroy()
  deaf.destroy()
})

test('so many may follow, one more is told to try later, and a node with nobody to tell makes no view', {
  timeout: 60_000
}, async t => {
  let views = 0
  const { feed, server } = await listening(t, () => ++views, 5)
  const gone = new AbortController()
  const follow = () =>
    fetch(new URL('/events', server.url), { signal: gone.signal, headers: { authorization: `Bearer ${TOKEN}` } })
  for (let i = 0; i < FIGURES.admin.followers; i++) assert.equal((await follow()).status, 200)
  const { status, headers } = await follow()
  assert.equal(status, 503)
  assert.equal(headers.get('retry-after'), '10')
  gone.abort()
  while (feed.followers > 0) await new Promise(resolve => setImmediate(resolve))
  const before = views
  // a timer that came later than those of the feed would have
  await new Promise(resolve => setTimeout(resolve, 50))
  assert.ok(views - before <= 1, 'one may have been under way')
})

async function listening(
  t: TestContext,
  view: () => unknown,
  interval: number
): Promise<{ feed: EventFeed; server: AdminServer }> {
  const feed = new EventFeed(async () => view(), interval)
  const routes = new Map<string, AdminRoute>([['/events', feed.route]])
  const onError = (error: unknown): void => assert.fail(String(error))
  const gate = new Gate(TOKEN, [])
  const server = await AdminServer.listen({ host: '127.0.0.1', port: 0, routes, gate, onError })
  t.after(() => {
    feed.close()
    return server.close()
  })
  return { feed, server }
}
