import { MAX_UINT32, readUint32 } from '../../wire/bytes.js'
import type { BlockSpan } from './level-block-span.js'
import { put16 } from './level-bytes.js'
import { RUN_ENTRY_BYTES, runEntryTopic } from './level-layout.js'
import { POSTING_ENTRY_BYTES } from './level-posting.js'

// In a run: sent(4) hash(32) topic(4) size(4). In a posting: offset(2) sent(4) hash(32) size(4).
const [TOPIC, SIZE] = [36, 40]

/** Gathers the postings of a block out of its runs. Bytes are moved, nothing is decoded: it is 65,536 entries at once. */
export class Postings {
  #newest = 0
  #oldest = MAX_UINT32
  readonly #before: number
  readonly #end: number
  readonly #runs: { first: number; run: Uint8Array }[] = []
  readonly #counts = new Map<number, number>()

  /**
   * @param before - the last number before the block
   * @param end - its last number
   */
  constructor(before: number, end: number) {
    this.#before = before
    this.#end = end
  }

  add(lastSeq: number, run: Uint8Array): void {
    const first = lastSeq - run.length / RUN_ENTRY_BYTES + 1
    this.#runs.push({ first, run })
    this.#each(first, run, (_, at) => {
      const topic = readUint32(run, at + TOPIC)
      const sent = readUint32(run, at)
      this.#counts.set(topic, (this.#counts.get(topic) ?? 0) + 1)
      this.#newest = Math.max(this.#newest, sent)
      this.#oldest = Math.min(this.#oldest, sent)
    })
  }

  get span(): BlockSpan {
    let most = 0
    for (const count of this.#counts.values()) most = Math.max(most, count)
    return { newest: this.#newest, oldest: this.#oldest, most }
  }

  encode(): Map<number, Uint8Array> {
    const postings = new Map<number, Uint8Array>()
    const filled = new Map<number, number>()
    for (const [topic, count] of this.#counts) postings.set(topic, new Uint8Array(count * POSTING_ENTRY_BYTES))
    for (const { first, run } of this.#runs)
      this.#each(first, run, (offset, at) => {
        const topic = readUint32(run, at + TOPIC)
        const posting = postings.get(topic) as Uint8Array
        const to = filled.get(topic) ?? 0
        put16(posting, to, offset)
        posting.set(run.subarray(at, at + TOPIC), to + 2)
        posting.set(run.subarray(at + SIZE, at + RUN_ENTRY_BYTES), to + 2 + TOPIC)
        filled.set(topic, to + POSTING_ENTRY_BYTES)
      })
    return postings
  }

  #each(first: number, run: Uint8Array, take: (offset: number, at: number) => void): void {
    for (let at = 0, seq = first; at < run.length; at += RUN_ENTRY_BYTES, seq++) {
      if (seq <= this.#before || seq > this.#end || runEntryTopic(run, seq - first) === undefined) continue
      take(seq - 1 - this.#before, at)
    }
  }
}

/** When the newest envelope of a run was sent. */
export function newestOf(run: Uint8Array): number {
  let newest = 0
  for (let at = 0; at < run.length; at += RUN_ENTRY_BYTES) newest = Math.max(newest, readUint32(run, at))
  return newest
}
