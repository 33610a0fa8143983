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
  /** By topic as a signed integer, which a Map finds sooner. */
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
      const topic = readUint32(run, at + TOPIC) | 0
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
    const filling = new Map<number, { posting: Uint8Array; to: number }>()
    for (const [topic, count] of this.#counts)
      filling.set(topic, { posting: new Uint8Array(count * POSTING_ENTRY_BYTES), to: 0 })
    for (const { first, run } of this.#runs)
      this.#each(first, run, (offset, at) => {
        const filled = filling.get(readUint32(run, at + TOPIC) | 0) as { posting: Uint8Array; to: number }
        const { posting, to } = filled
        put16(posting, to, offset)
        for (let i = 0; i < TOPIC; i++) posting[to + 2 + i] = run[at + i] as number
        for (let i = SIZE; i < RUN_ENTRY_BYTES; i++) posting[to + i - SIZE + 2 + TOPIC] = run[at + i] as number
        filled.to += POSTING_ENTRY_BYTES
      })
    const postings = new Map<number, Uint8Array>()
    for (const [topic, { posting }] of filling) postings.set(topic >>> 0, posting)
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
