import type { ExportAbout, SequencePage } from '../node/control/export-handlers.js'
import { DaySums } from '../transfer/day-sums.js'
import { fromHex, MAX_UINT32, toHex } from '../wire/bytes.js'
import { decodeEnvelope } from '../wire/envelope/envelope.js'
import { decodeSequenceCursor } from '../wire/request/sequence-cursor.js'
import type { Ask } from './admin-session.js'
import { rawsOf } from './archive-link.js'

/** A backup does not hold what the archive does. */
export class BackupError extends Error {
  static override readonly name = 'BackupError'
  override readonly name = 'BackupError'
}

/** What was sent in the last minute may still be on its way into the archive. */
const SETTLED_SECONDS = 60
/** A node takes in meanwhile: what came is added, and it is compared again. */
const MAX_ATTEMPTS = 20

/** Reads an archive in the order of ingest up to where it was at the beginning, and compares what it read with what is there. */
export class BackupWalk {
  readonly #ask: Ask
  readonly #salt: Uint8Array
  readonly #sums: DaySums
  damaged = 0

  constructor(ask: Ask, { salt, created }: { salt: Uint8Array; created: number }) {
    this.#ask = ask
    this.#salt = salt
    this.#sums = new DaySums(salt, created - SETTLED_SECONDS)
  }

  /** Envelopes with a sequence number above `after`, up to `until`; in pages. */
  async *pages({ after, until }: { after: number; until: number }): AsyncGenerator<Uint8Array[], void> {
    for (let at = after; at < until; ) {
      const page = await this.#ask<SequencePage>('export.sequence', { after: at, until })
      at = page.seq
      this.damaged += page.damaged
      const raws = rawsOf(page.body)
      for (const raw of raws) this.#sums.add(decodeEnvelope(raw))
      yield raws
    }
  }

  /** Throws `BackupError` when the archive says that it held something else. */
  async verify(seq: number): Promise<void> {
    let days: number[] = []
    for (let attempt = 0, seen = seq; attempt < MAX_ATTEMPTS; attempt++) {
      const about = await this.#ask<ExportAbout>('export.about', { lower: 0, upper: MAX_UINT32 })
      const until = decodeSequenceCursor(fromHex(about.sequence)).seq
      for await (const _ of this.pages({ after: seen, until }));
      seen = until
      const salt = toHex(this.#salt)
      days = await this.#sums.differing(range => this.#ask('export.digest', { ...range, salt }), about.oldest)
      // what is damaged stands in the archive's index still
      if (days.length === 0 || this.damaged > 0) return
    }
    const when = days.map(day => new Date(day * 86_400_000).toISOString().slice(0, 10)).join(', ')
    throw new BackupError(
      `the backup is not kept: it does not hold what the archive does of ${when}; run "waku-mailserver verify", then this again`
    )
  }
}
