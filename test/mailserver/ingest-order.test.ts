import assert from 'node:assert/strict'
import { test } from 'node:test'
import { fromHex } from '../../src/wire/bytes.js'
import { topicBloom } from '../../src/wire/envelope/bloom.js'
import { decodeCoverageAnswer } from '../../src/wire/request/coverage.js'
import { type DigestQuestion, encodeDigestQuestion, fingerprintOf } from '../../src/wire/request/digest.js'
import { ExtensionKey, type Extensions } from '../../src/wire/request/extension.js'
import { Fingerprint } from '../../src/wire/request/fingerprint.js'
import type { HistoryRequest } from '../../src/wire/request/history-request.js'
import { RequestErrorCode as Code } from '../../src/wire/request/request-error.js'
import { decodeSequenceCursor, encodeSequenceCursor } from '../../src/wire/request/sequence-cursor.js'
import { decodeItem, encodeList, encodeString, encodeUint, type RlpItem } from '../../src/wire/rlp.js'
import { newEnvelope, unixNow } from '../helpers/envelopes.js'
import { aMailserver, ask, type TestRequest } from './fixture.js'
import { sealRequest } from './request-maker.js'

const [RED, BLUE] = ['11223344', '55667788'].map(fromHex) as [Uint8Array, Uint8Array]
const salt = new Uint8Array(16).fill(3)
const BEGINNING: Uint8Array = new Uint8Array(0)

const after = (cursor: Uint8Array): [number, RlpItem] => [ExtensionKey.sequence, decodeItem(encodeString(cursor))]
const digest = (question: Partial<DigestQuestion> = {}): [number, RlpItem] => [
  ExtensionKey.coverage,
  decodeItem(encodeDigestQuestion({ salt, parts: 1, by: 'time', ...question }))
]
const coverage = (): [number, RlpItem] => digest({ salt: BEGINNING, parts: 0 })
const asking = (fields: Partial<HistoryRequest>, ...extensions: [number, RlpItem][]) =>
  sealRequest({ ...fields, extensions: new Map(extensions) as Extensions })

function next({ completion }: TestRequest): Uint8Array {
  const item = completion.extensions?.get(ExtensionKey.sequence)
  assert.ok(item !== undefined, 'where to go on is always there')
  return item.payload
}

function told({ completion }: TestRequest) {
  const item = completion.extensions?.get(ExtensionKey.coverage)
  assert.ok(item !== undefined)
  return decodeCoverageAnswer(item)
}

test('a page in ingest order goes on where the last one ended, and misses nothing that came late', async t => {
  const { server, archive } = await aMailserver(t)
  const now = unixNow()
  const first = [now, now - 50, now - 10].map(sent => newEnvelope({ sent, topic: RED }))
  for (const envelope of first) await archive.append([envelope, newEnvelope({ sent: now, topic: BLUE })])
  const one = await ask(server, asking({ topics: [RED], limit: 2 }, after(BEGINNING)))
  assert.deepEqual(
    one.hashes,
    first.slice(0, 2).map(({ hashHex }) => hashHex)
  )
  assert.equal(one.completion.cursor, undefined)
  const two = await ask(server, asking({ topics: [RED] }, after(next(one))))
  assert.deepEqual(two.hashes, [first[2]?.hashHex])
  assert.deepEqual(decodeSequenceCursor(next(two)), { archiveId: archive.id, seq: 6 })
  const late = newEnvelope({ sent: now - 3600, topic: RED })
  await archive.append([late])
  const three = await ask(server, asking({ topics: [RED] }, after(next(two))))
  assert.deepEqual(three.hashes, [late.hashHex])
  const four = await ask(server, asking({ topics: [RED] }, after(next(three))))
  assert.deepEqual([four.hashes, four.completion.lastHash], [[], new Uint8Array(32)])
  assert.deepEqual(next(four), next(three), 'nothing moved')
})

test('range, filter and size of a page hold in ingest order too', async t => {
  const { server, archive } = await aMailserver(t, { pageBytes: 100_000 })
  const now = unixNow()
  const envelopes = Array.from({ length: 9 }, (_, i) =>
    newEnvelope({ sent: now - i, topic: i % 3 === 0 ? BLUE : RED, data: new Uint8Array(40_000).fill(i) })
  )
  await archive.append(envelopes)
  const seen: string[] = []
  for (let cursor = BEGINNING; ; ) {
    const page = await ask(server, asking({ topics: [RED], lower: now - 7 }, after(cursor), coverage()))
    assert.ok(page.envelopes.length <= 2)
    seen.push(...page.hashes)
    cursor = next(page)
    if (page.hashes.length === 0) break
    assert.equal(told(page).coverage.more, seen.length < 5, 'whether there is more')
  }
  assert.deepEqual(
    seen,
    [1, 2, 4, 5, 7].map(i => envelopes[i]?.hashHex)
  )
})

test('a sequence cursor that is wrong is error 9, a digest that is wrong error 1', async t => {
  const { server, archive } = await aMailserver(t)
  await archive.append([newEnvelope({ sent: unixNow(), topic: RED })])
  const own = (seq: number): Uint8Array => encodeSequenceCursor({ archiveId: archive.id, seq })
  const foreign = encodeSequenceCursor({ archiveId: new Uint8Array(8), seq: 1 })
  const pair = (...items: Uint8Array[]): [number, RlpItem] => [ExtensionKey.coverage, decodeItem(encodeList(items))]
  const long = encodeString(salt)
  const refused: [number, Partial<HistoryRequest>, ...[number, RlpItem][]][] = [
    [Code.cursor, {}, after(new Uint8Array(15))],
    [Code.cursor, {}, after(foreign)],
    [Code.cursor, {}, after(own(2))],
    [Code.cursor, {}, [ExtensionKey.sequence, decodeItem(encodeList([]))]],
    [Code.cursor, { cursor: new Uint8Array(36) }, after(own(1))],
    [Code.cursor, { cursor: new Uint8Array(36) }, digest()],
    [Code.cursor, {}, after(own(1)), digest()],
    [Code.malformed, {}, pair(encodeString(new Uint8Array(15)), encodeUint(1))],
    [Code.malformed, {}, pair(long, encodeUint(1000))],
    [Code.malformed, {}, pair(long, encodeUint(1), encodeUint(2))],
    [Code.malformed, {}, pair(long)],
    [Code.malformed, {}, [ExtensionKey.coverage, decodeItem(long)]],
    [Code.range, { lower: 2, upper: 1 }, digest()]
  ]
  for (const [code, fields, ...extensions] of refused) {
    const { completion, envelopes } = await ask(server, asking(fields, ...extensions))
    assert.deepEqual([completion.error?.code, completion.extensions, envelopes.length], [code, undefined, 0])
  }
  assert.equal((await ask(server, asking({}, after(own(1))))).errorCode, undefined)
})

test('a digest has the count and fingerprint of what a request would bring, and brings none of it', async t => {
  const { server, archive } = await aMailserver(t)
  const now = unixNow()
  const envelopes = Array.from({ length: 600 }, (_, i) => newEnvelope({ sent: now - i, topic: i % 2 ? RED : BLUE }))
  await archive.append(envelopes)
  const range = { lower: now - 599, upper: now, topics: [RED], limit: 1 }
  for (const by of ['time', 'count'] as const) {
    const page = await ask(server, asking(range, digest({ parts: 2, by })))
    assert.deepEqual(
      [page.envelopes, page.completion.lastHash, page.completion.cursor],
      [[], new Uint8Array(32), undefined]
    )
    const { digests, coverage } = told(page)
    assert.equal(coverage.more, false)
    assert.equal(digests.length, 2)
    for (const part of digests) {
      const sum = new Fingerprint(salt)
      for (const { sent, hash, topicNumber } of envelopes)
        if (topicNumber === 0x11223344 && sent >= part.lower && sent <= part.upper) sum.add(hash)
      assert.deepEqual([part.count, fingerprintOf(part, salt)], [sum.count, sum.bytes])
      assert.ok(part.fingerprint !== undefined)
    }
    assert.equal(digests[0]?.lower, range.lower)
    assert.equal(digests[1]?.upper, range.upper)
  }
  const few = told(await ask(server, asking({ ...range, lower: now - 3 }, digest({ parts: 1 }))))
  assert.equal(few.digests[0]?.hashes?.length, 2)
})

test('coverage says since when, what was pruned, gaps and topics that are not kept, and whether there is more', async t => {
  const { server, archive } = await aMailserver(t, { archiveTopics: [RED] })
  const now = unixNow()
  await archive.append([now - 20, now - 10, now].map(sent => newEnvelope({ sent, topic: RED })))
  await archive.prune(now - 15)
  const gap = { from: now - 12, until: now - 11, kind: 2, count: 3 }
  await archive.addGap(gap)
  const page = await ask(server, asking({ topics: [RED], limit: 1, lower: now - 30, upper: now }, coverage()))
  const { coverage: said, digests } = told(page)
  assert.equal(page.envelopes.length, 1)
  assert.ok(page.completion.cursor !== undefined && said.more)
  assert.ok(Math.abs(said.since - now) < 60)
  assert.deepEqual([said.oldest, said.gaps, digests], [now - 15, [gap], []])
  assert.deepEqual(decodeSequenceCursor(said.sequence), { archiveId: archive.id, seq: 3 })
  const blue = told(await ask(server, asking({ topics: [RED, BLUE], lower: now - 5, upper: now }, coverage()))).coverage
  assert.deepEqual([blue.gaps, blue.more], [[{ from: now - 5, until: now, kind: 3, count: 1 }], false])
  const all = told(await ask(server, asking({ lower: now - 5, upper: now }, coverage()))).coverage
  assert.deepEqual(all.gaps, [{ from: now - 5, until: now, kind: 3, count: 0 }])
})

test('coverage says what was deleted of the topics in question', async t => {
  const { server, archive } = await aMailserver(t)
  const now = unixNow()
  await archive.append([RED, BLUE].flatMap(topic => [now - 20, now].map(sent => newEnvelope({ sent, topic }))))
  await archive.prune(now - 30)
  await archive.trim({ before: now - 15, topics: [RED] })
  const oldest = async (fields: Partial<HistoryRequest>) =>
    told(await ask(server, asking({ ...fields, lower: now - 40, upper: now }, coverage()))).coverage.oldest
  assert.deepEqual(
    [
      await oldest({ topics: [RED] }),
      await oldest({ topics: [BLUE] }),
      await oldest({ topics: [BLUE, RED] }),
      await oldest({ bloom: topicBloom(BLUE) }),
      await oldest({ bloom: topicBloom(RED) })
    ],
    [now - 15, now - 30, now - 15, now - 30, now - 15]
  )
})

test('without the keys an answer has neither', async t => {
  const { server } = await aMailserver(t)
  const { completion } = await ask(server, sealRequest({ topics: [RED] }))
  assert.equal(completion.extensions, undefined)
})
