import type { LevelRange, LevelStore } from '../database/level-store.js'
import type { TopicFloors } from '../topic-floors.js'
import type { KnownContents } from './known-contents.js'
import type { BlockContents } from './level-contents.js'
import * as layout from './level-layout.js'
import { isPosting } from './level-posting.js'
import { getShared, type Reading, readThrough } from './level-reader.js'

/** Postings read at once. */
const POSTINGS = 1000

/** What blocks have of topics. */
export interface Posted {
  /** Block by block, in the order of the topics. */
  postings: (Uint8Array | undefined)[][]
  /** So many of them cannot be read, are not what was written, or are missing. */
  unsound: number
}

/** What takes the postings of a block. */
export interface Gathered {
  add(topic: number, posting: Uint8Array): void
  unsound: number
}

export interface PostingReaderInit {
  store: LevelStore
  contents: KnownContents
  /** What was sent before them may have been pruned. */
  floors: () => TopicFloors
  /** Whether a block wrote down what it has; undefined when nobody knows. */
  isListed: (block: number) => boolean | undefined
}

/** Reads postings, and holds them against what their block listed: no checksum of LevelDB's is looked at, and none tells what is gone. */
export class PostingReader {
  readonly #init: PostingReaderInit

  constructor(init: PostingReaderInit) {
    this.#init = init
  }

  async ofTopics(blocks: readonly number[], topics: readonly number[]): Promise<Posted> {
    // where it is known in memory what a block has, the rest of it need not be looked for
    const known = blocks.map(block => this.#init.contents.known(block))
    const isDue = (i: number, topic: number): boolean => known[i]?.has(topic) !== false
    const keys = blocks.flatMap((block, i) =>
      topics.flatMap(topic => (isDue(i, topic) ? [layout.postingKey(block, topic)] : []))
    )
    const [contents, values] = await Promise.all([
      this.#contentsOf(blocks),
      getShared(this.#init.store, keys, value => value)
    ])
    let next = 0
    const floors = this.#init.floors()
    let unsound = contents.filter(of => of === null).length
    const postings = blocks.map((_, i) =>
      topics.map(topic => {
        const value = isDue(i, topic) ? values[next++] : undefined
        const of = contents[i]
        if (value === null) unsound++
        else if (of ? !of.agrees(topic, value, floors) : value !== undefined && !isPosting(value)) unsound++
        // of what was changed all is told that can be; what has got the key of another topic is nothing
        return value && isPosting(value) && of?.has(topic) !== false ? value : undefined
      })
    )
    return { postings, unsound }
  }

  /** Puts all that a block has into `posted`. */
  async all(block: number, posted: Gathered): Promise<void> {
    const { floors } = this.#init
    const [contents] = await this.#contentsOf([block])
    const found = new Set<number>()
    const whole = await this.through(block, (topic, posting) => {
      const isKnown = contents?.has(topic) !== false
      if (!isKnown || contents?.agrees(topic, posting, floors()) === false) posted.unsound++
      if (!isKnown) return
      found.add(topic)
      posted.add(topic, posting)
    })
    const missing = contents?.missing(topic => found.has(topic), floors()) ?? 0
    posted.unsound += Math.max(missing, contents === null || !whole ? 1 : 0)
  }

  /** Goes through the postings of a block; false when something cannot be read. */
  async through(block: number, take: (topic: number, posting: Uint8Array) => void): Promise<boolean> {
    const bounds = layout.blockPostings(block)
    let whole = true
    for (let range: LevelRange | undefined = bounds; range !== undefined; ) {
      const { entries, hole }: Reading = await readThrough(this.#init.store, range, POSTINGS)
      if (hole) whole = false
      for (const [key, posting] of entries) {
        if (layout.isWhole(key) && isPosting(posting)) take(layout.readPostingTopic(key), posting)
        else whole = false
      }
      const last = entries.at(-1)
      range = last && { gt: last[0], lt: bounds.lt }
    }
    return whole
  }

  /** What blocks listed: undefined of those that an older version finished, or of which nothing is left, null where it cannot be read. */
  async #contentsOf(blocks: readonly number[]): Promise<(BlockContents | undefined | null)[]> {
    const { isListed, contents } = this.#init
    const asked = blocks.filter(block => isListed(block) !== false)
    const found = await contents.of(asked)
    return blocks.map(block => {
      const at = asked.indexOf(block)
      return at >= 0 && found[at] === undefined && isListed(block) === true ? null : found[at]
    })
  }
}
