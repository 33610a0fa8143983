import type { ClassicLevel } from 'classic-level'
import { MAX_UINT32, readUint32, writeUint32 } from '../../../src/wire/bytes.js'
import { bloomTest } from '../../../src/wire/envelope/bloom.js'
import type { Envelope } from '../../../src/wire/envelope/envelope.js'
import { topicNumber } from '../../../src/wire/envelope/topic.js'
import { legacyKey, openLegacy } from '../../../test/transfer/legacy-level.js'

/** What a page of either layout is asked for. */
export interface PageQuery {
  /** Unix seconds, inclusive. */
  lower: number
  upper: number
  topics?: Uint8Array[] | undefined
  bloom?: Uint8Array | undefined
  limit: number
}

/** Entries read at once: a page of 1000 in four reads. */
const READ = 256

/**
 * The layout of status-go's mailserver, with the options that it opens LevelDB with: one table by `BE32(sent) ‖ hash ‖ topic`, which is read
 * from the lower time on, and each key held against the topics or the bloom until the page is full.
 */
export class TimeScan {
  readonly level: ClassicLevel<Uint8Array, Uint8Array>

  private constructor(level: ClassicLevel<Uint8Array, Uint8Array>) {
    this.level = level
  }

  static async open(folder: string): Promise<TimeScan> {
    return new TimeScan(await openLegacy(folder))
  }

  /** As status-go stores them: nothing waits for the disk. */
  async append(envelopes: readonly Envelope[], { sync = false } = {}): Promise<void> {
    await this.level.batch(
      envelopes.map(envelope => ({ type: 'put', key: legacyKey(envelope, 'status-go'), value: envelope.raw })),
      { sync }
    )
  }

  /** All pages of a query, or the first; returns how many envelopes they hold. */
  async page(query: PageQuery, { all = false } = {}): Promise<number> {
    const accepts = accepting(query)
    const most = all ? Number.POSITIVE_INFINITY : query.limit
    const iterator = this.level.iterator({
      gte: writeUint32(query.lower),
      lt: query.upper === MAX_UINT32 ? new Uint8Array(40).fill(0xff) : writeUint32(query.upper + 1),
      highWaterMarkBytes: 512 * 1024
    })
    let found = 0
    try {
      for (;;) {
        const entries = await iterator.nextv(READ)
        if (entries.length === 0) return found
        for (const [key] of entries) {
          if (!accepts(key)) continue
          found++
          if (found === most) return found
        }
      }
    } finally {
      await iterator.close()
    }
  }

  async close(): Promise<void> {
    await this.level.close()
  }
}

function accepting({ topics, bloom }: PageQuery): (key: Uint8Array) => boolean {
  const wanted = topics && new Set(topics.map(topicNumber))
  const passes = wanted === undefined ? bloom && bloomTest(bloom) : (topic: number) => wanted.has(topic)
  return passes === undefined ? () => true : key => passes(readUint32(key, 36))
}
