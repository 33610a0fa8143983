/** Some envelopes that were read, at most 1 MiB unless it is one. */
export interface ImportBatch {
  raws: Uint8Array[]
  /** What the source says of each: `BE32(sent) ‖ hash`, 36 bytes; absent where it says nothing. */
  positions?: Uint8Array[] | undefined
  /** Where to go on behind this batch. */
  mark: string
  /** How much of the source is read, 0..1. */
  done: number
  /** Entries that no mailserver wrote, or too large to be delivered, left out. */
  skipped?: number | undefined
}

/** How a source ended. */
export interface SourceEnd {
  /** Part of it could not be read, and this says what to do about it. */
  unread?: string | undefined
}

/** Which envelopes are wanted, by `sent`, inclusive. */
export interface SourceRange {
  lower: number
  upper: number
}

/** Where an import reads from, opened. */
export interface ImportSource {
  /** The same for the same content: what is noted of an interrupted import belongs to it. */
  readonly id: string
  /** For people: `a status-go mailserver (LevelDB)`. */
  readonly what: string
  /** The public key (65 bytes) of who vouches for it, and when it was made; of courier files. */
  readonly courier?: { from: Uint8Array; created: number; since: number; oldest: number } | undefined
  /**
   * @param options.after - the mark of a batch of an earlier run
   * @throws SourceError
   */
  batches(
    options: SourceRange & { after?: string | undefined; signal: AbortSignal }
  ): AsyncGenerator<ImportBatch, SourceEnd>
  close(): Promise<void>
}

/** Bytes of a batch: a synced write for each. */
export const BATCH_BYTES: number = 1024 * 1024
export const BATCH_ENVELOPES = 4096
