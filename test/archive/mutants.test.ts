import assert from 'node:assert/strict'
import { type TestContext, test } from 'node:test'
import type { Archive, ArchiveEnd, ArchiveQuery, ArchiveRow } from '../../src/archive/archive.js'
import { LevelArchive } from '../../src/archive/level/level-archive.js'
import { useQuickKeccak } from '../../src/node/crypto/quick-keccak.js'
import { bloomMatches, topicBloom } from '../../src/wire/envelope/bloom.js'
import { decodeEnvelope } from '../../src/wire/envelope/envelope.js'
import { decodeCursor, encodeCursor } from '../../src/wire/request/cursor.js'
import { compareWithModel } from './comparison.js'
import { closedBy, temporaryLevel } from './temporary.js'

// The comparison is only worth something if it notices mistakes. Each mutant is the real archive with one mistake put in.

type Query = Archive['query']
const MUTANTS: Record<string, (query: Query) => Query> = {
  'reads the cursor as >= instead of >': query => wanted =>
    query({ ...wanted, cursor: wanted.cursor && before(wanted.cursor) }),
  'leaves the upper end out': query => wanted => query({ ...wanted, upper: Math.max(wanted.lower, wanted.upper - 1) }),
  'leaves the lower end out': query => wanted => query({ ...wanted, lower: Math.min(wanted.upper, wanted.lower + 1) }),
  'gives no cursor': query => wanted => ended(query(wanted), () => undefined),
  'gives a cursor after every full page': query =>
    async function* (wanted) {
      const rows: ArchiveRow[] = []
      const { cursor } = yield* watched(query(wanted), rows)
      const last = rows.at(-1)
      return { cursor: rows.length === wanted.limit && last ? encodeCursor(last.sent, last.hash) : cursor }
    },
  'tests a bloom filter with bits that deployed programs lose': query =>
    async function* (wanted) {
      for await (const rows of query(wanted)) yield rows.filter(row => strictly(wanted, row))
      return {}
    },
  'forgets an envelope between two slices': query =>
    async function* (wanted) {
      let first = true
      const slices = query(wanted)
      for (;;) {
        const { done, value } = await slices.next()
        if (done === true) return value
        yield first ? value : value.slice(1)
        first = false
      }
    }
}

async function* ended(
  slices: ReturnType<Query>,
  cursor: (end: ArchiveEnd) => Uint8Array | undefined
): AsyncGenerator<ArchiveRow[], ArchiveEnd> {
  return { cursor: cursor(yield* slices) }
}

async function* watched(slices: ReturnType<Query>, rows: ArchiveRow[]): AsyncGenerator<ArchiveRow[], ArchiveEnd> {
  for (;;) {
    const { done, value } = await slices.next()
    if (done === true) return value
    rows.push(...value)
    yield value
  }
}

/** The greatest cursor below another: what comes after it begins with the envelope of the other. */
function before(cursor: Uint8Array): Uint8Array {
  const bytes = cursor.slice()
  for (let i = bytes.length - 1; i >= 0; i--) {
    const byte = bytes[i] as number
    bytes[i] = byte - 1
    if (byte > 0) break
  }
  const { sent, hash } = decodeCursor(bytes)
  return encodeCursor(sent, hash)
}

function strictly({ topics, bloom }: ArchiveQuery, row: ArchiveRow): boolean {
  if (topics !== undefined || bloom === undefined) return true
  return bloomMatches(bloom, topicBloom(decodeEnvelope(row.raw).topic))
}

await useQuickKeccak()

async function compare(t: TestContext, mutate: (query: Query) => Query): Promise<unknown> {
  const db = await temporaryLevel(t)
  const open = async (): Promise<Archive> => {
    const archive = await LevelArchive.open({ db })
    const query = mutate(archive.query.bind(archive))
    return new Proxy(
      closedBy(archive, () => archive.close()),
      {
        get: (target, name) => (name === 'query' ? query : Reflect.get(target, name))
      }
    )
  }
  return compareWithModel(open, 7, 1500)
}

test('the comparison with the model finds nothing wrong with an archive that is not mutated [D-04]', async t => {
  await compare(t, query => query)
})

for (const [mistake, mutate] of Object.entries(MUTANTS)) {
  test(`the comparison with the model notices an archive that ${mistake} [D-04]`, async t => {
    await assert.rejects(compare(t, mutate), { name: 'AssertionError' })
  })
}
