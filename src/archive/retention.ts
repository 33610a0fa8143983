import type { ComponentLogger, Logger } from '@libp2p/interface'
import type { Archive } from './archive.js'

export interface RetentionInit {
  archive: Pick<Archive, 'prune' | 'stats'>
  /** Envelopes sent longer ago than this are deleted. */
  seconds: number
  logger: ComponentLogger
  /**
   * Milliseconds from the end of one pass to the next.
   * @default 3_600_000 (an hour)
   */
  interval?: number | undefined
  /**
   * A pass deletes nothing when the newest envelope of the archive is older than this many seconds: then it is more likely
   * that the clock jumped than that the network was silent for so long. The next envelope that arrives ends that, and
   * `prune` can still be called by hand.
   * @default 31_536_000 (a year)
   */
  maxQuiet?: number | undefined
  /** Unix seconds. */
  now?: (() => number) | undefined
}

/** What a pass did. `refused`: it did not trust the clock. */
export type RetentionPass = { pruned: number; refused: boolean }

const HOUR = 3_600_000
const YEAR = 365 * 86_400

/**
 * The oldest `sent` (Unix seconds) that is kept `seconds` long at the time `now`. What lies before it is deleted by a
 * pass and belongs to what intake refuses.
 */
export function retentionFloor(now: number, seconds: number): number {
  return Math.max(0, Math.floor(now - seconds))
}

/** Deletes old envelopes once at the start and then every hour. Works in a browser. */
export class Retention {
  readonly #archive: RetentionInit['archive']
  readonly #seconds: number
  readonly #interval: number
  readonly #maxQuiet: number
  readonly #now: () => number
  readonly #log: Logger
  #running: { stopped: AbortController; loop: Promise<void> } | undefined

  constructor({ archive, seconds, logger, interval = HOUR, maxQuiet = YEAR, now = unixNow }: RetentionInit) {
    this.#archive = archive
    this.#seconds = seconds
    this.#interval = interval
    this.#maxQuiet = maxQuiet
    this.#now = now
    this.#log = logger.forComponent('waku:retention')
  }

  /** Begins with a pass; resolves at once. */
  start(): void {
    if (this.#running !== undefined) return
    const stopped = new AbortController()
    this.#running = { stopped, loop: this.#loop(stopped.signal) }
  }

  /** Breaks off a running pass and resolves when it is over. */
  async stop(): Promise<void> {
    const running = this.#running
    this.#running = undefined
    running?.stopped.abort()
    await running?.loop
  }

  /** One pass. @throws ArchiveError, ArchiveClosedError, or the signal's reason */
  async pass({ signal }: { signal?: AbortSignal | undefined } = {}): Promise<RetentionPass> {
    const { newest } = await this.#archive.stats()
    if (newest === undefined) return { pruned: 0, refused: false }
    const now = this.#now()
    if (now - newest > this.#maxQuiet) {
      this.#log.error('nothing is deleted: by the clock the newest envelope is %d days old', (now - newest) / 86_400)
      return { pruned: 0, refused: true }
    }
    const before = Math.min(retentionFloor(now, this.#seconds), 2 ** 32)
    const pruned = await this.#archive.prune(before, { signal })
    if (pruned > 0) this.#log('deleted %d old envelopes', pruned)
    return { pruned, refused: false }
  }

  async #loop(signal: AbortSignal): Promise<void> {
    while (!signal.aborted) {
      try {
        await this.pass({ signal })
      } catch (error) {
        if (signal.aborted) return
        this.#log.error('old envelopes could not be deleted - %e', error)
      }
      await pause(this.#interval, signal)
    }
  }
}

function unixNow(): number {
  return Math.floor(Date.now() / 1000)
}

/** Resolves after some milliseconds or when the signal fires. */
function pause(milliseconds: number, signal: AbortSignal): Promise<void> {
  return new Promise(resolve => {
    if (signal.aborted) return resolve()
    const done = (): void => {
      clearTimeout(timer)
      signal.removeEventListener('abort', done)
      resolve()
    }
    const timer = setTimeout(done, milliseconds)
    signal.addEventListener('abort', done)
  })
}
