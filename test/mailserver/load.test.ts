import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Archive } from '../../src/archive/archive.js'
import * as FIGURES from '../../src/limits/figures.js'
import { PacketCode } from '../../src/wire/packet/packet-code.js'
import { RequestErrorCode as Code } from '../../src/wire/request/request-error.js'
import { archiveWith } from '../helpers/archive-with.js'
import { newEnvelope } from '../helpers/envelopes.js'
import { aMailserver, aPeer, ask, diskArchive, TestRequest } from './fixture.js'
import { sealRequest } from './request-maker.js'

/** A reader that takes nothing until it is let go. */
async function stalled(
  peer = aPeer()
): Promise<{ request: TestRequest; stalling: Promise<void>; release: () => void }> {
  const request = new TestRequest(await peer, sealRequest())
  const [gate, reached] = [Promise.withResolvers<void>(), Promise.withResolvers<void>()]
  request.beforeSend = () => {
    reached.resolve()
    return gate.promise
  }
  request.signal.addEventListener('abort', () => gate.resolve())
  return { request, stalling: reached.promise, release: gate.resolve }
}

test('readers that stall hold nobody up', async t => {
  const { server, archive } = await aMailserver(t, { concurrency: 1 })
  await archive.append(Array.from({ length: 10 }, () => newEnvelope()))
  const readers = await Promise.all(Array.from({ length: 20 }, () => stalled()))
  const answers = readers.map(({ request }) => server.handle(request))
  await Promise.all(readers.map(({ stalling }) => stalling))
  assert.equal((await ask(server, sealRequest())).envelopes.length, 10)
  for (const { release } of readers) release()
  await Promise.all(answers)
  for (const { request } of readers) assert.equal(request.envelopes.length, 10)
})

test('packing large bodies is done in turns: many that come at once leave others room between them', async t => {
  const { server, archive } = await aMailserver(t)
  await archive.append([newEnvelope({ data: new Uint8Array(FIGURES.archive.small) })])
  let rounds = 0
  const seen: number[] = []
  const count = (): void => {
    rounds++
    round = setImmediate(count)
  }
  let round = setImmediate(count)
  t.after(() => clearImmediate(round))
  const requests = await Promise.all(
    Array.from({ length: 8 }, async () => {
      const request = new TestRequest(await aPeer(), sealRequest())
      const send = request.send.bind(request)
      request.send = async (code, body) => {
        if (code === PacketCode.P2PMessage) {
          seen.push(rounds)
          // encrypting it takes so long
          for (const until = performance.now() + 4; performance.now() < until; );
        }
        await send(code, body)
      }
      return request
    })
  )
  await Promise.all(requests.map(request => server.handle(request)))
  assert.equal(seen.length, 8)
  assert.equal(new Set(seen).size, 8, 'no two of them in one turn of the event loop')
})

test('one peer has so many requests under way, and its next page is taken as soon as one ends', async t => {
  const { server, archive } = await aMailserver(t, { maxRequestsPerPeer: 2 })
  await archive.append([newEnvelope()])
  const peer = await aPeer()
  const readers = [await stalled(Promise.resolve(peer)), await stalled(Promise.resolve(peer))]
  const answers = readers.map(({ request }) => server.handle(request))
  await Promise.all(readers.map(({ stalling }) => stalling))
  const { error } = (await ask(server, sealRequest(), { peer })).completion
  assert.deepEqual([error?.code, error?.retryAfter], [Code.busy, 2])
  assert.equal((await ask(server, sealRequest())).errorCode, undefined, 'others are served')
  readers[0]?.release()
  await answers[0]
  for (let page = 0; page < 50; page++) {
    assert.equal((await ask(server, sealRequest({ limit: 1 }), { peer })).errorCode, undefined)
  }
  readers[1]?.release()
  await answers[1]
})

test('a busy answer costs the request nothing: the same may come again', async t => {
  const { server, archive } = await aMailserver(t, { maxRequests: 1 })
  await archive.append([newEnvelope()])
  const reader = await stalled()
  const answer = server.handle(reader.request)
  await reader.stalling
  const request = sealRequest()
  assert.equal((await ask(server, request)).errorCode, Code.busy)
  reader.release()
  await answer
  assert.equal((await ask(server, request)).errorCode, undefined)
})

test('a peer with many requests delays another by one turn only', async t => {
  const archive = await diskArchive(t)
  await archive.append([newEnvelope()])
  const order: string[] = []
  const [gate, reached] = [Promise.withResolvers<void>(), Promise.withResolvers<void>()]
  const slow: Archive = archiveWith(archive, {
    query: {
      value: async function* (query: Parameters<Archive['query']>[0]) {
        reached.resolve()
        await gate.promise
        return yield* archive.query(query)
      }
    }
  })
  const { server } = await aMailserver(t, { concurrency: 1 }, { archive: slow })
  const [greedy, modest] = [await aPeer(), await aPeer()]
  const serve = async (name: string, peer = greedy): Promise<void> => {
    await server.handle(new TestRequest(peer, sealRequest()))
    order.push(name)
  }
  const all = [serve('greedy')]
  await reached.promise
  for (let i = 0; i < 5; i++) all.push(serve('greedy'))
  all.push(serve('modest', modest))
  gate.resolve()
  await Promise.all(all)
  assert.equal(order.indexOf('modest') <= 2, true, order.join(' '))
})

test('while somebody waits for the archive, others read a quarter of a slice at a time', async t => {
  const archive = await diskArchive(t)
  await archive.append(Array.from({ length: 1000 }, () => newEnvelope()))
  const seen: { awaited: boolean; rows: number }[] = []
  const watched: Archive = archiveWith(archive, {
    query: {
      value: async function* (query: Parameters<Archive['query']>[0]) {
        let awaited = false
        const brief = (): boolean => {
          awaited = query.brief?.() ?? false
          return awaited
        }
        const slices = archive.query({ ...query, brief })
        for (;;) {
          const step = await slices.next()
          if (step.done === true) return step.value
          seen.push({ awaited, rows: step.value.length })
          yield step.value
        }
      }
    }
  })
  const { server } = await aMailserver(t, { concurrency: 1 }, { archive: watched })
  await ask(server, sealRequest())
  assert.deepEqual(
    seen.splice(0).map(({ awaited, rows }) => [awaited, rows]),
    [
      [false, 512],
      [false, 488]
    ]
  )
  const answers = await Promise.all(Array.from({ length: 5 }, () => ask(server, sealRequest())))
  for (const { envelopes } of answers) assert.equal(envelopes.length, 1000)
  const small = seen.filter(({ awaited }) => awaited)
  assert.ok(small.length > 20, `${small.length} of ${seen.length}`)
  assert.ok(small.every(({ rows }) => rows <= 128))
})

test('a requester that leaves stops the reading of the archive', async t => {
  const archive = await diskArchive(t)
  await archive.append(
    Array.from({ length: 3000 }, () => newEnvelope({ data: crypto.getRandomValues(new Uint8Array(1000)) }))
  )
  let ended = 0
  let slices = 0
  const watched: Archive = archiveWith(archive, {
    query: {
      value: async function* (query: Parameters<Archive['query']>[0]) {
        try {
          const rows = archive.query(query)
          for (;;) {
            const step = await rows.next()
            if (step.done === true) return step.value
            slices++
            yield step.value
          }
        } finally {
          ended++
        }
      }
    }
  })
  const { server } = await aMailserver(t, { maxLimit: 3000, pageBytes: 4 * 1024 * 1024 }, { archive: watched })
  const { request, stalling } = await stalled()
  const answer = server.handle(request)
  await stalling
  request.abort(new Error('reset by the requester'))
  await answer
  assert.deepEqual([ended, request.packets.length], [1, 0])
  assert.ok(slices <= 3, 'one was being sent, and half a MiB was read ahead')
  assert.equal(server.tally.get('requesters_gone'), 1)
  assert.equal((await ask(server, sealRequest())).envelopes.length, 3000)
})

test('stopping finishes what was accepted and tells newcomers to come later', async t => {
  const { server, archive } = await aMailserver(t)
  await archive.append([newEnvelope()])
  const reader = await stalled()
  const answer = server.handle(reader.request)
  await reader.stalling
  const stopping = server.beforeStop()
  assert.equal((await ask(server, sealRequest())).errorCode, Code.busy)
  reader.release()
  await Promise.all([answer, stopping])
  assert.equal(reader.request.errorCode, undefined)
  assert.equal(reader.request.envelopes.length, 1)
})

test('stopping gives up a reader that stalls past the deadline', async t => {
  const { server, archive } = await aMailserver(t, { stopTimeout: 50 })
  await archive.append([newEnvelope()])
  const reader = await stalled()
  const answer = server.handle(reader.request)
  await reader.stalling
  await server.beforeStop()
  await answer
  assert.equal(reader.request.aborted?.name, 'MailserverStoppedError')
})
