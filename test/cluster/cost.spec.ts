import assert from 'node:assert/strict'
import { after, test } from 'node:test'
import { MAX_RUNNING } from '../../src/archive/cassandra/cassandra-session.js'
import { MAX_UINT32 } from '../../src/wire/bytes.js'
import type { Envelope } from '../../src/wire/envelope/envelope.js'
import { topicFromNumber } from '../../src/wire/envelope/topic.js'
import { readPage } from '../archive/comparison.js'
import { envelopeAt } from '../archive/traffic.js'
import { closeOpened, newKeyspace, oneNode, openArchive } from './archive-of.js'

const cluster = await oneNode()
after(closeOpened)
after(() => cluster.stop())

const DAY = 86_400
const START = 1_600_041_600

/** One envelope for each topic and day. */
function traffic(topics: readonly number[], days: number): Envelope[] {
  return topics.flatMap(topic =>
    Array.from({ length: days }, (_, day) =>
      envelopeAt(START + day * DAY, topicFromNumber(topic), Uint8Array.of(topic))
    )
  )
}

test('what a request touches follows what it asks for, not the archive: topics × days partitions at most, each once for the index', async () => {
  const touched = new Map<string, Set<string>>()
  let statements = 0
  let visited = 0
  let running = 0
  const archive = await openArchive(cluster, {
    keyspace: newKeyspace(),
    onRunning: now => {
      running = Math.max(running, now)
    },
    onStatement: (cql, params) => {
      const table = /FROM \w+\.(\w+)/.exec(cql)?.[1]
      if (!cql.startsWith('SELECT') || table === undefined) return
      statements++
      const key = params
        .slice(0, { envelope: 3, envelope_time: 2, envelope_seq: 1, topic_day: 1 }[table] ?? 0)
        .join(' ')
      touched.set(table, (touched.get(table) ?? new Set()).add(key))
    }
  })
  const counted = async (query: Parameters<typeof readPage>[1]) => {
    touched.clear()
    statements = 0
    visited = 0
    const onVisited = (entries: number): void => {
      visited += entries
    }
    const { rows } = await readPage(archive, { ...query, onVisited })
    const partitions = (table: string): number => touched.get(table)?.size ?? 0
    return {
      rows: rows.length,
      statements,
      visited,
      envelope: partitions('envelope'),
      time: partitions('envelope_time'),
      directory: partitions('topic_day')
    }
  }
  const ten = Array.from({ length: 10 }, (_, i) => i)
  await archive.append(traffic(ten, 30))
  const topics = ten.map(topicFromNumber)
  const all = { lower: 0, upper: MAX_UINT32, limit: 1000, topics }
  const page = { ...all, limit: 20 }
  const one = { ...all, topics: [topicFromNumber(3)], lower: START + 5 * DAY, upper: START + 9 * DAY }
  const before = [await counted(all), await counted(page), await counted(one)]
  const [whole, little, single] = before as [never, never, never] as Awaited<ReturnType<typeof counted>>[]
  assert.deepEqual([whole?.rows, whole?.envelope, whole?.directory, whole?.time], [300, 300, 10, 0])
  // an entry of the index and the envelope for each, and a row of the directory for each day of a topic
  assert.deepEqual([whole?.visited, single?.visited], [300 + 300 + 300, 5 + 5 + 5])
  assert.equal(little?.rows, 20)
  assert.ok((little?.envelope ?? 999) <= 80, `a page of two days read ${little?.envelope} partitions`)
  assert.deepEqual([single?.rows, single?.envelope, single?.directory], [5, 5, 1])
  // four times as much of other topics
  await archive.append(
    traffic(
      Array.from({ length: 40 }, (_, i) => 100 + i),
      30
    )
  )
  assert.deepEqual([await counted(all), await counted(page), await counted(one)], before)
  // fifty topics on each of thirty days are read side by side, and no more of them than were meant to be
  running = 0
  const many = [...ten, ...Array.from({ length: 40 }, (_, i) => 100 + i)]
  const crowd = await counted({ ...all, limit: 2000, topics: many.map(topicFromNumber) })
  assert.deepEqual([crowd.rows, crowd.envelope], [1500, 1500])
  assert.equal(running, MAX_RUNNING)
  await archive.close()
})
