import { decodeEnvelope, type Envelope } from '../wire/envelope.js'
import type { ArchiveRow } from './archive.js'
import * as layout from './level-layout.js'
import { type Span, spanRange } from './level-scan.js'
import { closeIterator, type LevelRange, type LevelStore } from './level-store.js'
import { type Room, type RowSource, SLICE_BYTES, SLICE_ROWS } from './page.js'

/** Reads all envelopes by time, without their keys. */
export class Walk implements RowSource {
  readonly #store: LevelStore
  #range: LevelRange

  constructor(store: LevelStore, span: Span) {
    this.#store = store
    this.#range = spanRange(span)
  }

  async next(room: Room): Promise<ArchiveRow[]> {
    const wanted = Math.min(room.rows, SLICE_ROWS)
    const range = this.#range
    const iterator = this.#store.values({ ...range, highWaterMarkBytes: Math.min(room.bytes, SLICE_BYTES) })
    let bytes = 0
    try {
      const values = await iterator.nextv(wanted)
      const rows = values.map(value => new ValueRow(value))
      for (const value of values) bytes += value.length
      const last = rows.at(-1)
      if (last !== undefined) this.#range = { gt: last.key, lt: range.lt }
      return rows
    } finally {
      await closeIterator(iterator, range, bytes)
    }
  }
}

/** Mostly only the last one is asked for more than its bytes. */
class ValueRow implements ArchiveRow {
  readonly raw: Uint8Array
  #envelope: Envelope | undefined

  constructor(value: Uint8Array) {
    this.raw = layout.rawOf(value)
  }

  get sent(): number {
    return this.#decoded.sent
  }

  get hash(): Uint8Array {
    return this.#decoded.hash
  }

  get key(): Uint8Array {
    const { sent, hash, topicNumber: topic } = this.#decoded
    return layout.envelopeKey({ sent, hash, topic })
  }

  get #decoded(): Envelope {
    this.#envelope ??= decodeEnvelope(this.raw)
    return this.#envelope
  }
}
