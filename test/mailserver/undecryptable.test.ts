import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { RequestForwarder } from '../../src/mailserver/request-forwarder.js'
import { RequestErrorCode as Code } from '../../src/wire/request/request-error.js'
import { newEnvelope } from '../helpers/envelopes.js'
import { aMailserver, aPeer, ask, TestRequest } from './fixture.js'
import { sealRequest } from './request-maker.js'

const STRANGE = new Uint8Array(32).fill(9)

/** Requests that no key of the server opens. */
const strange = (count: number) => Array.from({ length: count }, () => sealRequest({}, { key: STRANGE, pow: 0.0001 }))

const policies = { libp2p: { pow: 0 } }

for (const [name, forward] of [
  ['where nothing is forwarded', undefined],
  ['of those whose requests are not forwarded', async () => undefined]
] as [string, RequestForwarder | undefined][])
  test(`requests that no key opens take no room from those that are served, ${name}`, async t => {
    const { server, archive } = await aMailserver(t, { rememberedRequests: 4, policies, forward })
    await archive.append([newEnvelope()])
    for (const request of strange(20)) assert.equal((await ask(server, request)).errorCode, Code.undecryptable)
    for (let i = 0; i < 2; i++) assert.equal((await ask(server, sealRequest())).errorCode, undefined)
  })

test('requests that are forwarded fill a table of their own, and are forwarded once', async t => {
  let forwarded = 0
  const forward: RequestForwarder = async (_request, { hash }, { accepted }) => {
    accepted()
    forwarded++
    return { requestId: hash, lastHash: new Uint8Array(32) }
  }
  const { server } = await aMailserver(t, { rememberedRequests: 4, policies, forward })
  const peer = await aPeer()
  const codes: unknown[] = []
  for (const request of strange(4)) codes.push((await ask(server, request, { peer })).errorCode)
  assert.deepEqual(codes, [undefined, undefined, Code.busy, Code.busy], 'one address leaves half of it to others')
  const [again] = strange(1)
  assert.ok(again)
  assert.equal((await ask(server, again)).errorCode, undefined)
  assert.equal((await ask(server, again)).errorCode, Code.notAllowed)
  assert.equal(forwarded, 3)
  assert.equal((await ask(server, sealRequest(), { peer })).errorCode, undefined, 'those that are served have room')
})

test('who sends what no key opens pays for each key that was tried', async t => {
  for (const count of [1, 16]) {
    const { server, waku, keyring } = await aMailserver(t, { policies })
    for (let i = 1; i < count; i++) await keyring.add(`key-${i}`, new Uint8Array(32).fill(20 + i))
    const owed: number[] = []
    waku.limits.throttle.charge = (_origin, bytes) => void owed.push(bytes)
    const [request] = strange(1)
    assert.ok(request)
    await ask(server, request)
    assert.equal(owed[0], request.size + 1024 + (count * request.size) / 4)
  }
})

test('who asks in vain again and again is asked for its next request later; stopping waits for nobody', async t => {
  const { server, waku } = await aMailserver(t, { policies })
  const peer = await aPeer()
  for (const request of strange(50)) await ask(server, request, { peer })
  const { address } = new TestRequest(peer, new Uint8Array()).origin
  assert.ok(waku.limits.throttle.ofPeer(peer.toString()) < 100, 'each was waited for')
  waku.limits.throttle.charge({ peer: peer.toString(), address }, 16 * 1024 * 1024)
  const request = new TestRequest(peer, sealRequest())
  let rested = false
  const handled = server.handle(request).then(() => {
    rested = true
  })
  while (request.packets.length === 0) await new Promise(resolve => setImmediate(resolve))
  assert.equal((await ask(server, sealRequest())).errorCode, undefined, 'others are served')
  assert.equal(rested, false)
  await server.stop()
  await handled
})
