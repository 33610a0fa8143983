import { equalBytes, MAX_UINT32 } from '../../wire/bytes.js'
import type { LevelOperation, LevelStore } from '../database/level-store.js'
import type { TopicFloors } from '../topic-floors.js'
import { type BlockSpan, encodeBlockSpan } from './level-block-span.js'
import { encodeContents, type Listed, listed } from './level-contents.js'
import * as layout from './level-layout.js'
import { withPosting } from './level-posting.js'
import type { PostingReader } from './level-posting-reader.js'
import { newestOf, Postings } from './level-postings.js'
import { throughRuns } from './level-runs.js'
import type { IngestTail } from './level-tail.js'

export interface BlockRuns {
  /** The last number before the block, and its own last one. */
  before: number
  end: number
  store: LevelStore
  tail: IngestTail
  floors: () => TopicFloors
}

export interface MadeBlock {
  operations: LevelOperation[]
  span: BlockSpan
  /** What it has; absent when that is nothing. */
  contents?: Uint8Array | undefined
  /** Something was not on disk as it was stored, and came out of memory. */
  damaged: boolean
}

/**
 * Makes postings of the runs of a block. No checksum tells what is gone: what came since the archive was opened is taken as it came, out of
 * memory. Undefined when something cannot be read.
 */
export async function postBlock(
  block: number,
  { before, end, store, tail, floors }: BlockRuns
): Promise<MadeBlock | undefined> {
  const operations: LevelOperation[] = []
  const postings = new Postings(before, end)
  let damaged = false
  let next = before + 1
  const pass = (until: number): void => {
    const run = until < next ? undefined : withoutPruned(tail.run(next, until), floors())
    if (run === undefined) return
    damaged = true
    postings.add(until, run)
  }
  const whole = await throughRuns(store, { after: before, last: end }, (lastSeq, run, first) => {
    pass(first - 1)
    next = lastSeq + 1
    const known = tail.run(first, lastSeq)
    const entries = known ?? run
    if (entries === undefined) return false
    if (run === undefined || (known !== undefined && !equalBytes(known, run))) damaged = true
    postings.add(lastSeq, entries)
    if (lastSeq > end) return true
    operations.push({ type: 'del', key: layout.runKey(lastSeq) })
    operations.push({ type: 'del', key: layout.runAgeKey(newestOf(entries), lastSeq) })
    return true
  })
  if (!whole) return undefined
  pass(end)
  const { span } = postings
  const topics = [...postings.encode()].sort(([a], [b]) => a - b)
  for (const [topic, value] of topics) operations.push({ type: 'put', key: layout.postingKey(block, topic), value })
  if (topics.length === 0) return { operations, span, damaged }
  const { operations: listing, contents } = list(
    block,
    span,
    topics.map(([topic, posting]) => listed(topic, posting))
  )
  return { operations: [...operations, ...listing], span, contents, damaged }
}

/** Lists what a block has of which that was not written down. Undefined when something cannot be read. */
export async function listBlock(block: number, postings: PostingReader) {
  const topics: Listed[] = []
  let span: BlockSpan = { newest: 0, oldest: MAX_UINT32, most: 0 }
  const whole = await postings.through(block, (topic, posting) => {
    topics.push(listed(topic, posting))
    span = withPosting(span, posting)
  })
  return whole ? { ...list(block, span, topics), span } : undefined
}

/** What lists a block, with the times of what it has. */
export function list(block: number, span: BlockSpan, topics: readonly Listed[]) {
  const contents = encodeContents(block, topics)
  const operations: LevelOperation[] = [
    { type: 'put', key: layout.blockKey(block), value: encodeBlockSpan(block, span) },
    { type: 'put', key: layout.contentsKey(block), value: contents }
  ]
  return { operations, contents }
}

/** Entries of a run that were not pruned; undefined when there are none. */
function withoutPruned(run: Uint8Array | undefined, floors: TopicFloors): Uint8Array | undefined {
  if (run === undefined) return undefined
  const pruned: number[] = []
  const entries = layout.decodeRun(run) ?? []
  entries.forEach((entry, i) => {
    if (layout.isDropped(entry) || floors.include(entry.sent, entry.topic)) pruned.push(i)
  })
  return pruned.length === entries.length ? undefined : layout.withoutEntries(run, pruned)
}
