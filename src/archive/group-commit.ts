import type { OneAtATime } from '../base/one-at-a-time.js'
import type { Envelope } from '../wire/envelope/envelope.js'
import type { AppendOutcome } from './archive.js'
import { ArchiveBusyError } from './errors.js'

interface Job {
  envelopes: Envelope[]
  bytes: number
  resolve: (outcomes: AppendOutcome[]) => void
  reject: (error: unknown) => void
}

export interface GroupCommitInit {
  /** Stores a group, all or nothing; one outcome for each envelope. */
  commit: (envelopes: Envelope[]) => Promise<AppendOutcome[]>
  /** Told of a group that is stored, before its appends resolve. */
  onCommitted: (envelopes: readonly Envelope[], outcomes: readonly AppendOutcome[]) => void
  queue: OneAtATime
  /**
   * Bytes of envelopes that may wait to be written; beyond that an append is refused with `ArchiveBusyError`.
   * @default 67_108_864 (64 MiB)
   */
  maxQueuedBytes?: number | undefined
  /**
   * Envelopes that a group of several appends may have together; 1 keeps every append by itself.
   * @default 2048
   */
  maxGroup?: number | undefined
}

const MAX_QUEUED_BYTES = 64 * 1024 * 1024
/** A group is closed once it holds this much, which takes some 10 ms to be encoded; one append is never split. */
const MAX_GROUP = 2048
const GROUP_BYTES = 4 * 1024 * 1024
/** What an envelope costs in memory beside its bytes. */
const OVERHEAD = 512

/** Appends that arrive while one group is being written form the next group, so that they share one fsync. */
export class GroupCommit {
  readonly #commit: GroupCommitInit['commit']
  readonly #onCommitted: GroupCommitInit['onCommitted']
  readonly #queue: OneAtATime
  readonly #maxQueuedBytes: number
  readonly #maxGroup: number
  #waiting: Job[] = []
  #queuedBytes = 0
  #scheduled = false

  constructor({
    commit,
    onCommitted,
    queue,
    maxQueuedBytes = MAX_QUEUED_BYTES,
    maxGroup = MAX_GROUP
  }: GroupCommitInit) {
    this.#maxGroup = maxGroup
    this.#commit = commit
    this.#onCommitted = onCommitted
    this.#queue = queue
    this.#maxQueuedBytes = maxQueuedBytes
  }

  append(envelopes: Envelope[]): Promise<AppendOutcome[]> {
    const bytes = envelopes.reduce((sum, envelope) => sum + envelope.size + OVERHEAD, 0)
    if (this.#queuedBytes > 0 && this.#queuedBytes + bytes > this.#maxQueuedBytes)
      return Promise.reject(new ArchiveBusyError('too many envelopes wait to be written'))
    this.#queuedBytes += bytes
    return new Promise((resolve, reject) => {
      // The caller may reuse its array while the job waits.
      this.#waiting.push({ envelopes: envelopes.slice(), bytes, resolve, reject })
      this.#schedule()
    })
  }

  #schedule(): void {
    if (this.#scheduled || this.#waiting.length === 0) return
    this.#scheduled = true
    void this.#queue.run(() => this.#write())
  }

  /** Never rejects: a failure belongs to the callers of that group. */
  async #write(): Promise<void> {
    this.#scheduled = false
    const group = this.#take()
    this.#schedule()
    try {
      const envelopes = group.flatMap(job => job.envelopes)
      const outcomes = await this.#commit(envelopes)
      this.#onCommitted(envelopes, outcomes)
      let from = 0
      for (const job of group) {
        job.resolve(outcomes.slice(from, from + job.envelopes.length))
        from += job.envelopes.length
      }
    } catch (error) {
      for (const job of group) job.reject(error)
    } finally {
      for (const job of group) this.#queuedBytes -= job.bytes
    }
  }

  #take(): Job[] {
    let count = 0
    let envelopes = 0
    let bytes = 0
    for (const job of this.#waiting) {
      if (count > 0 && (envelopes + job.envelopes.length > this.#maxGroup || bytes + job.bytes > GROUP_BYTES)) break
      count++
      envelopes += job.envelopes.length
      bytes += job.bytes
    }
    return this.#waiting.splice(0, count)
  }
}
