import type { OneAtATime } from '../../base/one-at-a-time.js'
import { bloomTest } from '../../wire/envelope/bloom.js'
import { type LevelStore, readAll } from '../database/level-store.js'
import * as layout from './level-layout.js'

/** With more topics than this a filter is not turned into topics. */
const MAX_CACHED = 262_144

/** The distinct topics of the archive, to turn a bloom filter into topics, and to tell which of many there are. */
export class TopicDictionary {
  readonly #store: LevelStore
  readonly #queue: OneAtATime
  readonly #maxCached: number
  #cached: Set<number> | undefined

  constructor(store: LevelStore, queue: OneAtATime, maxCached = MAX_CACHED) {
    this.#store = store
    this.#queue = queue
    this.#maxCached = maxCached
  }

  /** What the writer changed, after it is on disk. */
  update(added: number[], removed: number[]): void {
    for (const topic of added) this.#cached?.add(topic)
    for (const topic of removed) this.#cached?.delete(topic)
    if (this.#cached !== undefined && this.#cached.size > this.#maxCached) this.#cached = undefined
  }

  /** Forgets what is in memory. */
  reset(): void {
    this.#cached = undefined
  }

  /**
   * All topics, as they are at any time; undefined when they are too many, or not all of them can be read.
   * @param total how many the archive has
   */
  async all(total: number): Promise<ReadonlySet<number> | undefined> {
    if (total > this.#maxCached) return undefined
    const known = this.#cached ?? (await this.#load())
    // one that is damaged hides topics
    return known === undefined || known.size < total ? undefined : known
  }

  /**
   * Topics that pass a filter, ascending; undefined when there are more than `max`, or too many altogether.
   * @param total how many the archive has
   */
  async matching(filter: Uint8Array, { max, total }: { max: number; total: number }): Promise<number[] | undefined> {
    const known = await this.all(total)
    if (known === undefined) return undefined
    const passes = bloomTest(filter)
    const topics: number[] = []
    for (const topic of known) {
      if (!passes(topic)) continue
      if (topics.length === max) return undefined
      topics.push(topic)
    }
    // a list of numbers sorts them one call for each two
    return Array.from(Uint32Array.from(topics).sort())
  }

  /** Reads all topics between two writes, so that none comes or goes meanwhile; undefined when there are too many. */
  #load(): Promise<Set<number> | undefined> {
    return this.#queue.run(async () => {
      const topics = new Set<number>()
      for await (const [key] of readAll(this.#store, layout.allTopics())) {
        if (topics.size === this.#maxCached) return undefined
        if (layout.isWhole(key)) topics.add(layout.readTopic(key))
      }
      this.#cached = topics
      return topics
    })
  }
}
