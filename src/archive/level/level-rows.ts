import { toHex } from '../../wire/bytes.js'
import type { DamageLog } from '../damage-log.js'
import { type LevelReads, visiting } from '../database/level-store.js'
import type { SourceRow } from '../page.js'
import type { SequencedSourceRow } from '../sequence-page.js'
import type { TopicFloors } from '../topic-floors.js'
import * as layout from './level-layout.js'
import type { Numbered } from './level-posting.js'
import { getReadable, getShared } from './level-reader.js'
import { readRow, rowSeq } from './level-row.js'

const NOTHING: Uint8Array = new Uint8Array(0)

/** Turns what is stored into rows: each is checked, and what fails is a mark that it was there. */
export class LevelRows {
  readonly store: LevelReads
  readonly #damage: DamageLog

  constructor(store: LevelReads, damage: DamageLog) {
    this.store = store
    this.#damage = damage
  }

  /** The same, and tells how much is read of what is stored. */
  telling(onVisited: ((entries: number) => void) | undefined): LevelRows {
    return onVisited === undefined ? this : new LevelRows(visiting(this.store, onVisited), this.#damage)
  }

  /** @param value - null when it cannot be read */
  row(key: Uint8Array, value: Uint8Array | null): SourceRow {
    const raw = value === null ? undefined : readRow(key, value, layout.FIELDS_AT)
    return raw === undefined ? this.#damaged(key) : new StoredRow(key, raw)
  }

  /**
   * Of the order of ingest, by time. What was pruned is left out, and what is there has been stored, at that place or at a later one.
   * @param floors - what was sent before them may have been pruned
   */
  async posted(entries: readonly layout.Entry[], floors: () => TopicFloors): Promise<SourceRow[]> {
    if (entries.length === 0) return []
    const keys = entries.map(layout.envelopeKey)
    const rows = await getShared(this.store, keys, (value, i) => {
      const { sent, topic } = entries[i] as layout.Entry
      if (!value && floors().include(sent, topic)) return undefined
      return this.row(keys[i] as Uint8Array, value ?? null)
    })
    return rows.filter(row => row !== undefined)
  }

  /**
   * Of the order of ingest. What was pruned is left out, and what was appended again after that: it has a later number.
   * @param floors - what was sent before them may have been pruned
   */
  async numbered(entries: readonly Numbered[], floors: () => TopicFloors): Promise<SequencedSourceRow[]> {
    const keys = entries.map(layout.envelopeKey)
    const values = await getReadable(this.store, keys)
    return entries.flatMap(({ seq, sent, topic }, i): SequencedSourceRow[] => {
      const value = values[i]
      const key = keys[i] as Uint8Array
      if (value === undefined) return floors().include(sent, topic) ? [] : [{ seq, ...this.#damaged(key) }]
      const row = this.row(key, value)
      if (value !== null && row.damaged === undefined && rowSeq(value) !== seq) return []
      return [{ seq, sent: row.sent, hash: row.hash, raw: row.raw, damaged: row.damaged }]
    })
  }

  /** Something between two times could not even be found. */
  hole(from: number, until: number, count = 1): SourceRow {
    this.#damage.note({ name: `hole ${from} ${until}`, times: { from, until }, count })
    return { sent: from, hash: NOTHING, raw: NOTHING, damaged: count }
  }

  /**
   * A part of the order of ingest cannot be read: which envelopes it named cannot be told, but by time they are found.
   * @param place - after which number it is, or what else tells it from others
   */
  disorder(place: number | string, count: number): SourceRow {
    this.#damage.note({ name: `order ${place}`, count })
    return { sent: 0, hash: NOTHING, raw: NOTHING, damaged: count }
  }

  #damaged(key: Uint8Array): SourceRow {
    if (!layout.isWhole(key)) return this.disorder(toHex(key), 1)
    const sent = layout.envelopeSent(key)
    const hash = layout.envelopeHash(key)
    this.#damage.note({ name: toHex(hash), times: { from: sent, until: sent }, count: 1 })
    return { sent, hash, raw: NOTHING, damaged: 1 }
  }
}

/** Most rows are only asked for their bytes. */
class StoredRow implements SourceRow {
  readonly raw: Uint8Array
  readonly damaged = undefined
  private readonly key: Uint8Array

  constructor(key: Uint8Array, raw: Uint8Array) {
    this.raw = raw
    this.key = key
  }

  get sent(): number {
    return layout.envelopeSent(this.key)
  }

  get hash(): Uint8Array {
    return layout.envelopeHash(this.key)
  }
}
