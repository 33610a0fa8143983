import assert from 'node:assert/strict'
import { type TestContext, test } from 'node:test'
import { defaultLogger } from '@libp2p/logger'
import { MemoryDatastore } from 'datastore-core'
import type { Archive } from '../../src/archive/archive.js'
import { DatastoreArchive } from '../../src/archive/datastore/datastore-archive.js'
import { LevelArchive } from '../../src/archive/level/level-archive.js'
import { Retention, type RetentionParts } from '../../src/archive/retention.js'
import { checkRetention, type RetentionRules } from '../../src/archive/retention-rules.js'
import { useQuickKeccak } from '../../src/node/crypto/quick-keccak.js'
import { fromHex, MAX_UINT32 } from '../../src/wire/bytes.js'
import type { Envelope } from '../../src/wire/envelope/envelope.js'
import { topicNumber } from '../../src/wire/envelope/topic.js'
import { temporaryLevel } from './temporary.js'
import { envelopeAt } from './traffic.js'

await useQuickKeccak()

const NOW = 1_600_000_000
const DAY = 86_400
const MIB = 1024 * 1024
const [RED, BLUE, GREEN] = ['11223344', '55667788', '99aabbcc'].map(fromHex) as [Uint8Array, Uint8Array, Uint8Array]
const ALL = { lower: 0, upper: MAX_UINT32 }

type Make = (t: TestContext) => Promise<Archive>
const KINDS: [name: string, make: Make][] = [
  ['datastore archive', () => DatastoreArchive.open({ datastore: new MemoryDatastore() })],
  ['level archive', async t => LevelArchive.open({ db: await temporaryLevel(t) })]
]

function old(age: number, topic: Uint8Array = RED, size = 3, mark = 0): Envelope {
  const data = new Uint8Array(Math.max(size, 4))
  data.set([mark >>> 16, mark >>> 8, mark])
  return envelopeAt(NOW - age, topic, data)
}

/** One a day, the youngest of today. */
const daily = (days: number, topic?: Uint8Array): Envelope[] =>
  Array.from({ length: days }, (_, i) => old(i * DAY, topic))

/** The clock and the time that passes, to be moved together or apart. */
function clocks(init: Partial<{ now: number }> = {}) {
  const time = { now: init.now ?? NOW, passed: 0 }
  return {
    now: () => time.now,
    monotonic: () => time.passed * 1000,
    pass: (seconds: number) => {
      time.now += seconds
      time.passed += seconds
    },
    jump: (seconds: number) => {
      time.now += seconds
    }
  }
}

function keeper(archive: RetentionParts['archive'], rules: RetentionRules, parts: Partial<RetentionParts> = {}) {
  return new Retention({ archive, rules: checkRetention(rules), logger: defaultLogger(), now: () => NOW, ...parts })
}

const sizeOf = async (archive: Archive, topic: Uint8Array) => archive.size({ ...ALL, topics: [topic] })
const oldest = async (archive: Archive, topic?: Uint8Array) =>
  (await archive.coverage(topic === undefined ? ALL : { ...ALL, topics: [topic] })).oldest

for (const [kind, make] of KINDS) {
  const it = (title: string, check: (archive: Archive, t: TestContext) => Promise<void>): void => {
    test(`${kind}: ${title}`, async t => {
      const archive = await make(t)
      await check(archive, t)
      await archive.close()
    })
  }

  it('what is exactly as old as the retention is kept, what is older is not [D-08]', async archive => {
    await archive.append([...daily(31), old(30 * DAY + 1), old(400 * DAY)])
    const retention = keeper(archive, { seconds: 30 * DAY })
    assert.equal(retention.floor(7, NOW), NOW - 30 * DAY)
    assert.deepEqual(await retention.pass(), { pruned: 2, unfinished: false, ahead: 0 })
    const { envelopes, oldest: first } = await archive.stats()
    assert.deepEqual([envelopes, first], [31, NOW - 30 * DAY])
    assert.equal(await oldest(archive), NOW - 30 * DAY)
  })

  it('a topic is kept as long as it says, longer or shorter than the others [D-08]', async archive => {
    await archive.append([...daily(20, RED), ...daily(20, BLUE), ...daily(20, GREEN)])
    const rules = {
      seconds: 15 * DAY,
      topics: [
        { topic: RED, seconds: 10 * DAY },
        { topic: BLUE, seconds: Number.POSITIVE_INFINITY }
      ]
    }
    const retention = keeper(archive, rules)
    assert.deepEqual(await retention.pass(), { pruned: 9 + 4, unfinished: false, ahead: 0 })
    const left = await Promise.all([RED, BLUE, GREEN].map(topic => sizeOf(archive, topic)))
    assert.deepEqual(
      left.map(({ envelopes }) => envelopes),
      [11, 20, 16]
    )
    const floors = [NOW - 10 * DAY, 0, NOW - 15 * DAY]
    assert.deepEqual(
      [RED, BLUE, GREEN].map(topic => retention.floor(topicNumber(topic), NOW)),
      floors
    )
    assert.deepEqual(await Promise.all([RED, BLUE, GREEN].map(topic => oldest(archive, topic))), floors)
    assert.equal(await oldest(archive), NOW - 10 * DAY, 'of all topics together the one that is kept shortest tells')
    assert.deepEqual(await retention.pass(), { pruned: 0, unfinished: false, ahead: 0 })
  })

  it('a topic beyond its size loses its oldest, the others nothing; what would go again is refused', async archive => {
    const large = (topic: Uint8Array) => Array.from({ length: 24 }, (_, i) => old(i * 60, topic, 100_000, i))
    await archive.append([...large(RED), ...large(BLUE)])
    const retention = keeper(archive, { topics: [{ topic: RED, bytes: 2 * MIB }] })
    const { pruned, unfinished } = await retention.pass()
    const { bytes, envelopes } = await sizeOf(archive, RED)
    assert.deepEqual([pruned, unfinished], [24 - envelopes, false])
    assert(bytes <= 2 * MIB && bytes > 1.85 * MIB, `${bytes}`)
    assert.equal((await sizeOf(archive, BLUE)).envelopes, 24)
    const floor = NOW - (envelopes - 1) * 60
    assert.equal(retention.floor(topicNumber(RED), NOW), floor)
    assert.equal(await oldest(archive, RED), floor)
    assert.deepEqual([retention.floor(topicNumber(BLUE), NOW), await oldest(archive, BLUE)], [0, 0])
  })

  it('beyond a count or a total size the oldest go, whatever their topic, and what is as old is refused', async archive => {
    await archive.append(Array.from({ length: 640 }, (_, i) => old(i * 60, i % 2 ? RED : BLUE, 10_000, i)))
    const topics = [{ topic: BLUE, seconds: Number.POSITIVE_INFINITY }]
    const byCount = keeper(archive, { envelopes: 600, topics })
    assert.deepEqual(await byCount.pass(), { pruned: 640 - 591, unfinished: false, ahead: 0 })
    assert.equal(byCount.floor(topicNumber(RED), NOW), NOW - 590 * 60)
    assert.equal(await oldest(archive), NOW - 590 * 60)
    assert.equal((await byCount.pass()).pruned, 0)
    const bySize = keeper(archive, { bytes: 5 * MIB })
    assert.equal((await bySize.pass()).unfinished, false)
    const { bytes } = await archive.stats()
    assert(bytes <= 5 * MIB && bytes > 4.8 * MIB, `${bytes}`)
  })

  it('whatever is reached first binds', async archive => {
    await archive.append(daily(40))
    const pass = (rules: RetentionRules) => keeper(archive, rules).pass()
    assert.equal((await pass({ seconds: 35 * DAY, envelopes: 1000, bytes: MIB })).pruned, 4)
    assert.equal((await pass({ seconds: 35 * DAY, envelopes: 32, bytes: MIB })).pruned, 4)
    assert.equal((await archive.stats()).envelopes, 32)
  })

  it('a pass deletes a quarter of the archive at most, and says that there is more', async archive => {
    await archive.append(daily(100))
    const retention = keeper(archive, { seconds: 20 * DAY })
    assert.deepEqual(await retention.pass(), { pruned: 25, unfinished: true, ahead: 0 })
    assert.equal(await oldest(archive), NOW - 74 * DAY, 'what is there is not said to be gone')
    assert.deepEqual(await retention.pass(), { pruned: 18, unfinished: true, ahead: 0 })
    assert.equal(await archive.prune(NOW - 20 * DAY), 36, 'who asks for it gets it')
    assert.deepEqual(await retention.pass(), { pruned: 0, unfinished: false, ahead: 0 })
    const topics = [RED, BLUE].map(topic => ({ topic, seconds: DAY }))
    await archive.append(daily(21, BLUE))
    assert.deepEqual(await keeper(archive, { seconds: DAY, topics, envelopes: 1 }).pass(), {
      pruned: 10,
      unfinished: true,
      ahead: 0
    })
  })

  it('a clock that jumps a day ahead deletes nothing, and what is newest vouches for the time', async archive => {
    await archive.append(daily(31))
    const clock = clocks()
    const retention = keeper(archive, { seconds: 30 * DAY }, clock)
    assert.equal((await retention.pass()).pruned, 0)
    clock.jump(DAY)
    assert.deepEqual(await retention.pass(), { pruned: 0, unfinished: false, ahead: DAY })
    clock.pass(60)
    assert.deepEqual(await retention.pass(), { pruned: 1, unfinished: false, ahead: DAY }, 'a minute has passed')
    clock.jump(-2 * DAY)
    assert.deepEqual(await retention.pass(), { pruned: 0, unfinished: false, ahead: 0 })
    clock.jump(DAY)
    await archive.append([old(-60)])
    assert.deepEqual(await retention.pass(), { pruned: 0, unfinished: false, ahead: 0 })
    // after a restart
    clock.jump(DAY)
    assert.deepEqual(await keeper(archive, { seconds: 30 * DAY }, clock).pass(), {
      pruned: 0,
      unfinished: false,
      ahead: DAY
    })
    clock.jump(400 * DAY)
    assert.deepEqual(await keeper(archive, { seconds: 30 * DAY }, clock).pass(), {
      pruned: 0,
      unfinished: false,
      ahead: 401 * DAY
    })
    await archive.append([old(-DAY - 60)])
    assert.equal((await retention.pass()).pruned, 1)
    await archive.append([old(-1000 * DAY)])
    clock.jump(-402 * DAY)
    assert.equal((await retention.pass()).pruned, 0, 'an envelope of the future vouches for nothing')
  })

  it('while nothing comes, ages go on as time passes', async archive => {
    await archive.append(daily(31))
    const clock = clocks()
    const retention = keeper(archive, { seconds: 30 * DAY }, clock)
    assert.equal((await retention.pass()).pruned, 0)
    clock.pass(3 * DAY)
    assert.deepEqual(await retention.pass(), { pruned: 3, unfinished: false, ahead: 0 })
  })

  it('an empty archive, or a clock of long ago, deletes nothing', async archive => {
    const retention = keeper(archive, { seconds: DAY, envelopes: 1 }, { now: () => 5 })
    assert.deepEqual(await retention.pass(), { pruned: 0, unfinished: false, ahead: 0 })
    await archive.append(daily(10))
    assert.deepEqual(await keeper(archive, { seconds: DAY }, { now: () => 5 }).pass(), {
      pruned: 0,
      unfinished: false,
      ahead: 0
    })
  })

  it('what grows past its size is cut at once, and while more should go it does not grow', async archive => {
    await archive.append(daily(200))
    const passed = waiting()
    const watched: RetentionParts['archive'] = {
      size: filter => archive.size(filter),
      watch: watcher => archive.watch(watcher),
      stats: () => archive.stats(),
      trim: async trim => {
        const trimmed = await archive.trim(trim)
        passed.tell(trimmed.removed)
        return trimmed
      }
    }
    const retention = keeper(watched, { envelopes: 100 })
    retention.start()
    assert.equal(await passed.next(), 50)
    await archive.append(Array.from({ length: 30 }, (_, i) => old(-i - 1)))
    assert.equal(await passed.next(), 30)
    await retention.stop()
    assert.equal((await archive.stats()).envelopes, 150)
    await archive.prune(2 ** 32)
    const again = keeper(watched, { envelopes: 100 })
    again.start()
    for (let i = 0; i < 100; i++) await archive.append([old(-i - 100)])
    await archive.append([old(-300)])
    assert.equal(await passed.next(), 2)
    await again.stop()
    assert.equal((await archive.stats()).envelopes, 99)
  })
}

/** Values in the order in which they are told, each waited for. */
function waiting() {
  const told: number[] = []
  let wake = (): void => {}
  return {
    tell(value: number) {
      told.push(value)
      wake()
    },
    async next(): Promise<number> {
      while (told.length === 0)
        await new Promise<void>(resolve => {
          wake = resolve
        })
      return told.shift() as number
    }
  }
}

test('the floors that retention reached are there after a restart, and it goes on from them', async t => {
  const db = await temporaryLevel(t)
  const first = await LevelArchive.open({ db })
  await first.append([...daily(40, RED), ...daily(40, BLUE)])
  const rules = { seconds: 30 * DAY, topics: [{ topic: RED, seconds: 25 * DAY }] }
  assert.deepEqual(await keeper(first, rules).pass(), { pruned: 20, unfinished: true, ahead: 0 })
  await first.close()
  const again = await LevelArchive.open({ db })
  assert.equal(await oldest(again, RED), NOW - 25 * DAY)
  const reached = await oldest(again, BLUE)
  assert(reached < NOW - 30 * DAY && reached > 0)
  assert.deepEqual(await keeper(again, rules).pass(), { pruned: 3, unfinished: false, ahead: 0 })
  assert.deepEqual(await Promise.all([RED, BLUE].map(topic => oldest(again, topic))), [NOW - 25 * DAY, NOW - 30 * DAY])
  const { envelopes, missing, damaged } = await again.verify()
  assert.deepEqual([envelopes, missing, damaged], [57, 0, 0])
  await again.close()
})

test('passes follow each other, one that fails included, until it is stopped', async () => {
  let passes = 0
  let third = (): void => {}
  const thirdPass = new Promise<void>(resolve => {
    third = resolve
  })
  const archive = await DatastoreArchive.open({ datastore: new MemoryDatastore() })
  await archive.append(daily(1))
  const retention = keeper(
    {
      stats: () => archive.stats(),
      size: filter => archive.size(filter),
      watch: watcher => archive.watch(watcher),
      trim: async () => {
        if (++passes === 3) third()
        throw new Error('input/output error')
      }
    },
    { seconds: DAY },
    { interval: 1 }
  )
  retention.start()
  retention.start()
  await thirdPass
  await retention.stop()
  const after = passes
  await retention.stop()
  assert.equal(passes, after)
})

test('stopping breaks off a pass that is under way', async () => {
  const archive = await DatastoreArchive.open({ datastore: new MemoryDatastore() })
  await archive.append(daily(1))
  let begun = (): void => {}
  const underWay = new Promise<void>(resolve => {
    begun = resolve
  })
  const retention = keeper(
    {
      stats: () => archive.stats(),
      size: filter => archive.size(filter),
      watch: watcher => archive.watch(watcher),
      trim: ({ signal }) =>
        new Promise((_resolve, reject) => {
          signal?.addEventListener('abort', () => reject(signal.reason))
          begun()
        })
    },
    { seconds: DAY }
  )
  retention.start()
  await underWay
  await retention.stop()
})

test('rules that contradict each other, or would leave nothing, are refused', () => {
  const refused = (rules: unknown, pattern: RegExp, archived?: Uint8Array[]): void => {
    assert.throws(() => checkRetention(rules as RetentionRules, archived), {
      name: 'RetentionRulesError',
      message: pattern
    })
  }
  for (const nothing of [0, -1, Number.NaN]) {
    refused(nothing, /age is above 0/)
    refused({ seconds: nothing }, /age is above 0/)
    refused({ envelopes: nothing }, /count is an integer of 1 or more/)
    refused({ bytes: nothing }, /size is 1048576 bytes or more/)
    refused({ topics: [{ topic: RED, seconds: nothing }] }, /topic 0x11223344 by age is above 0/)
  }
  refused({ envelopes: 1.5 }, /integer/)
  refused({ bytes: MIB - 1 }, /size is 1048576 bytes or more/)
  refused({ topics: [{ topic: RED, bytes: 5 }] }, /topic 0x11223344 by size/)
  refused({ topics: [{ topic: RED }] }, /neither an age nor a size/)
  refused(
    {
      topics: [
        { topic: RED, seconds: 1 },
        { topic: RED, seconds: 2 }
      ]
    },
    /is said twice/
  )
  refused({ bytes: 2 * MIB, topics: [{ topic: RED, bytes: 3 * MIB }] }, /never reached/)
  refused({ topics: [{ topic: RED, seconds: 1 }] }, /not archived/, [BLUE])
  refused({ topics: [{ topic: new Uint8Array(3), seconds: 1 }] }, /a topic is/)
  refused({ topics: Array.from({ length: 1001 }, () => ({ topic: RED, seconds: 1 })) }, /at most 1000 topics/)
  refused('30d', /a number of seconds or rules/)
  refused(null, /a number of seconds or rules/)
  assert.deepEqual(checkRetention(30), { seconds: 30 })
  assert.deepEqual(checkRetention({}), {})
  const rules = {
    seconds: 5,
    topics: [{ topic: RED, seconds: Number.POSITIVE_INFINITY, bytes: MIB }],
    bytes: MIB,
    envelopes: 1
  }
  assert.equal(checkRetention(rules, [RED]), rules)
})
