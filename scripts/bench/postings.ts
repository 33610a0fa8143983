import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { ClassicLevel } from 'classic-level'
import { ClassicStore } from '../../src/archive/database/classic-store.js'
import { LEVEL_OPTIONS } from '../../src/archive/database/database.js'
import { KnownContents } from '../../src/archive/level/known-contents.js'
import { LevelArchive } from '../../src/archive/level/level-archive.js'
import { PostingReader } from '../../src/archive/level/level-posting-reader.js'
import { TopicFloors } from '../../src/archive/topic-floors.js'
import { useQuickKeccak } from '../../src/node/crypto/quick-keccak.js'
import { topicNumber } from '../../src/wire/envelope/topic.js'
import { blocksFinished } from '../../test/archive/blocks-finished.js'
import { readSequence } from '../../test/archive/comparison.js'
import { Prng } from '../../test/archive/prng.js'
import { Traffic } from '../../test/archive/traffic.js'
import { type Line, print } from './report.js'

const TOPICS = 10
const ROUNDS = 200

/** What it takes a catch-up of ten topics to hold what it reads of the order of ingest against what its blocks listed. */
export async function postingsBench(count: number): Promise<Line[]> {
  await useQuickKeccak()
  const directory = await mkdtemp(join(tmpdir(), 'waku-bench-'))
  const level = new ClassicLevel<Uint8Array, Uint8Array>(directory, LEVEL_OPTIONS)
  try {
    await level.open()
    const store = new ClassicStore(level)
    const archive = await LevelArchive.open({ db: store })
    const traffic = new Traffic(new Prng(1), { count, days: 30 })
    for (const batch of traffic.batches(500)) await archive.append(batch)
    const blocks = Array.from({ length: Math.floor(count / 65_536) - 1 }, (_, i) => i)
    await blocksFinished(store, archive, blocks.length)

    const prng = new Prng(2)
    const floors = () => new TopicFloors(0)
    const times = { held: 0, read: 0, cold: 0, page: 0 }
    const contents = new KnownContents(store)
    for (let i = 0; i < ROUNDS; i++) {
      const topics = Array.from({ length: TOPICS }, () => prng.pick(traffic.cold))
      const numbers = topics.map(topicNumber)
      const reader = (contents: KnownContents, isListed: boolean) =>
        new PostingReader({ store, contents, floors, isListed: () => isListed })
      const read = async (contents: KnownContents, isListed: boolean): Promise<number> => {
        const began = performance.now()
        const { unsound } = await reader(contents, isListed).ofTopics(blocks, numbers)
        if (unsound > 0) throw new Error('nothing is damaged')
        return performance.now() - began
      }
      const turns = [
        async () => (times.held += await read(contents, true)),
        async () => (times.read += await read(contents, false)),
        async () => (times.cold += await read(new KnownContents(store), true))
      ]
      for (let turn = 0; turn < turns.length; turn++) await turns[(i + turn) % turns.length]?.()
      const began = performance.now()
      await readSequence(archive, { lower: 0, upper: 0xffff_ffff, after: 0, limit: 1000, topics })
      times.page += performance.now() - began
    }
    await archive.close()
    const each = (time: number): string => `${((time * 1000) / ROUNDS / blocks.length).toFixed(0)} µs`
    return [
      ['order of ingest', `${count} envelopes, ${blocks.length} finished blocks, ${traffic.cold.length} rare topics`],
      [`postings of ${TOPICS} topics in a block`, each(times.read)],
      ['held against what it listed', `${each(times.held)}, ${(times.held / times.read).toFixed(2)} times`],
      ['the list read for it', `${each(times.cold)}, ${(times.cold / times.read).toFixed(2)} times`],
      ['of a page', `${((100 * (times.held - times.read)) / times.page).toFixed(1)} %`]
    ]
  } finally {
    await level.close()
    await rm(directory, { recursive: true, force: true })
  }
}

if (process.argv[1] === fileURLToPath(import.meta.url)) print(await postingsBench(Number(process.argv[2] ?? 500_000)))
