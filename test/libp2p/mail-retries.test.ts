import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { MailClientInit } from '../../src/mailclient/settings.js'
import type { Envelope } from '../../src/wire/envelope/envelope.js'
import { RequestErrorCode as Code } from '../../src/wire/request/request-error.js'
import { until } from '../helpers/waku-node.js'
import { KEY } from '../mailserver/request-maker.js'
import {
  against,
  complete,
  cursorOf,
  deliver,
  FROM,
  hashesOf,
  honest,
  NO_HASH,
  opened,
  RED,
  some
} from './lying-server.js'
import { clientNode, lyingServer, type Script, type ScriptedLine } from './mail-nodes.js'

test('a server that is silent, stalls or trickles is a timeout, and the line is reset', async t => {
  const scripts: Array<[string, Script, MailClientInit]> = [
    ['silent', async line => void (await line.request()), { firstTimeout: 100 }],
    [
      'stalls',
      async line => {
        await line.request()
        await deliver(line, some(1))
      },
      { idleTimeout: 100 }
    ],
    [
      'trickles',
      async line => {
        await line.request()
        for (let i = 0; ; i++) {
          await deliver(line, some(1, FROM + i))
          await new Promise(resolve => setTimeout(resolve, 20))
        }
      },
      { pageTimeout: 200 }
    ],
    [
      'drips empty packets',
      async line => {
        await line.request()
        for (;;) {
          await deliver(line, [])
          await new Promise(resolve => setTimeout(resolve, 20))
        }
      },
      { firstTimeout: 200, idleTimeout: 200, pageTimeout: 60_000 }
    ],
    [
      'drips empty packets after an envelope',
      async line => {
        await line.request()
        await deliver(line, some(1))
        for (;;) {
          await deliver(line, [])
          await new Promise(resolve => setTimeout(resolve, 20))
        }
      },
      { firstTimeout: 60_000, idleTimeout: 200, pageTimeout: 60_000 }
    ],
    [
      'talks about other requests',
      async line => {
        await line.request()
        for (;;) {
          await complete(line, { requestId: NO_HASH })
          await new Promise(resolve => setTimeout(resolve, 20))
        }
      },
      { firstTimeout: 200 }
    ]
  ]
  for (const [name, script, init] of scripts) {
    let stream: ScriptedLine['stream'] | undefined
    const { error, envelopes } = await against(
      t,
      line => {
        stream = line.stream
        return script(line)
      },
      {},
      init
    )
    assert.equal(error?.name, 'HistoryTimeoutError', name)
    assert.deepEqual(envelopes, [], 'half a page is no page')
    await until(() => stream?.status === 'reset')
  }
})

test('a server that stays silent is asked once more, however many retries there are', async t => {
  const { error, client } = await against(
    t,
    async line => void (await line.request()),
    {},
    { firstTimeout: 100, retries: 3 }
  )
  assert.equal(error?.name, 'HistoryTimeoutError')
  assert.equal(client.client.tally.get('requests'), 2)
})

test('the first of completed and expired wins; a completion that comes after all is known as late [D-11]', async t => {
  let first: Envelope | undefined
  const [good] = some(1) as [Envelope]
  const { envelopes, error, client } = await against(
    t,
    async line => {
      const request = await line.request()
      if (first === undefined) {
        first = request
        return
      }
      await complete(line, { requestId: first.hash })
      await honest(line, request, [good])
    },
    {},
    { firstTimeout: 200, retries: 1 }
  )
  assert.equal(error, undefined)
  assert.deepEqual(hashesOf(envelopes), [good.hashHex])
  const { tally } = client.client
  assert.deepEqual([tally.get('requests_expired'), tally.get('completions_late'), tally.get('requests')], [1, 1, 2])
})

test('a page whose line breaks is asked for again, sealed anew, and comes once', async t => {
  const page = some(4)
  const requests: Envelope[] = []
  const { envelopes, error, streams } = await against(
    t,
    async line => {
      for (;;) {
        const request = await line.request()
        requests.push(request)
        if (requests.length === 1) await honest(line, request, page.slice(0, 2), true)
        else if (requests.length === 2) {
          await deliver(line, page.slice(2, 3))
          return line.reset()
        } else if (requests.length === 3) {
          await deliver(line, page.slice(2, 3))
          await line.stream.close()
          return
        } else return honest(line, request, page.slice(2))
      }
    },
    {},
    { retries: 3 }
  )
  assert.equal(error, undefined)
  assert.deepEqual(hashesOf(envelopes), hashesOf(page))
  assert.equal(streams, 3)
  assert.equal(new Set(requests.map(({ hashHex }) => hashHex)).size, 4)
  const cursors = requests.slice(1).map(request => opened(request).cursor)
  for (const cursor of cursors) assert.deepEqual(cursor, cursorOf(page[1] as Envelope))
})

test('a line that keeps breaking is an error in the end, never a short history', async t => {
  const page = some(2)
  let streams = 0
  const { envelopes, error } = await against(
    t,
    async line => {
      const request = await line.request()
      if (++streams === 1) {
        await honest(line, request, page, true)
        await line.request()
      }
      line.reset()
    },
    {},
    { retries: 2 }
  )
  assert.equal(error?.name, 'StreamRefusedError')
  assert.deepEqual(hashesOf(envelopes), hashesOf(page))
  assert.equal(streams, 4, 'the kept line, a fresh one in its place, and two retries')
})

test('a server that does not come back within the deadline is an error, after the pages that came', async t => {
  const page = some(2)
  const server = await lyingServer(t, async line => {
    await honest(line, await line.request(), page, true)
    await line.request()
    await server.libp2p.stop()
  })
  const init = { retries: 3, reconnectTimeout: 1_000 }
  const { client } = await clientNode(t, [server], init)
  const got: Envelope[] = []
  const reading = (async () => {
    const query = { server: server.libp2p.peerId, from: FROM, to: FROM + 1000, topics: [RED], requestKey: KEY }
    for await (const { envelopes } of client.history(query)) got.push(...envelopes)
  })()
  await assert.rejects(reading, { name: 'ServerUnreachableError' })
  assert.deepEqual(hashesOf(got), hashesOf(page))
  assert.ok(client.tally.get('requests_retried') > 4, 'more often than a server that was never reached')
})

test('a busy server is asked again when it says so, on the same line', async t => {
  const times: number[] = []
  const [good] = some(1) as [Envelope]
  const { envelopes, error, streams } = await against(
    t,
    async line => {
      for (;;) {
        const request = await line.request()
        times.push(Date.now())
        if (times.length === 3) return honest(line, request, [good])
        await complete(line, {
          requestId: request.hash,
          error: { code: Code.busy, text: 'busy', retryAfter: times.length === 1 ? 1 : 1_000_000 }
        })
      }
    },
    {},
    { retries: 2, maxRetryAfter: 1200 }
  )
  assert.equal(error, undefined)
  assert.deepEqual(hashesOf(envelopes), [good.hashHex])
  assert.equal(streams, 1)
  const [first, second, third] = times as [number, number, number]
  assert.equal(second - first >= 990, true)
  assert.equal(third - second >= 1190 && third - second < 10_000, true)
})

test('a server that stays busy is an error with its code, other refusals are not asked again', async t => {
  for (const [code, requests] of [
    [Code.busy, 3],
    [Code.internal, 1],
    [Code.cursor, 1],
    [4711, 1]
  ] as const) {
    const { error, client } = await against(
      t,
      async line => {
        for (;;) {
          const request = await line.request()
          await complete(line, { requestId: request.hash, error: { code, text: 'no\u001b[31m\nway', retryAfter: 0 } })
        }
      },
      {},
      { retries: 2 }
    )
    assert.deepEqual([error?.name, error?.code], ['RequestError', code])
    const text = error?.message ?? ''
    assert.equal(text.includes('\n') || text.includes('\u001b'), false, 'what the server says is fit to be shown')
    assert.equal(client.client.tally.get('requests'), requests)
  }
})
