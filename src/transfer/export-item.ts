import type { Coverage } from '../wire/request/coverage.js'

/** What an export says of itself before the first envelope. */
export interface ExportHead {
  /** Random, 16 bytes. */
  id: Uint8Array
  /** Unix seconds. */
  created: number
  /** Of the fingerprint at the end, 32 bytes. */
  salt: Uint8Array
  /** What was exported: `sent` of the oldest and the newest, inclusive. */
  lower: number
  upper: number
  /** 4 bytes each; absent when all topics were. */
  topics?: Uint8Array[] | undefined
  /** What the archive knew to be missing in this range. */
  coverage: Coverage
  /** The public key of who signs it at its end, 65 bytes, 04 first; absent when nobody does. */
  from?: Uint8Array | undefined
}

/** What an export ends with. */
export interface ExportEnd {
  /** Envelopes. */
  count: number
  /** Of all of them, under the salt of the head, 32 bytes (protocols/mailserver.md). */
  fingerprint: Uint8Array
}

/** Something that belongs to a node and is no envelope, in a backup: a secret. */
export interface ExportRecord {
  name: string
  bytes: Uint8Array
}

/** One piece of an export, in the order of the file: the head, records, envelopes, the end, perhaps a signature. */
export type ExportItem =
  | { kind: 'head'; head: ExportHead }
  | { kind: 'record'; record: ExportRecord }
  | { kind: 'envelopes'; raws: Uint8Array[] }
  | { kind: 'end'; end: ExportEnd }
  /** `digest`: SHA-256 of everything before it. */
  | { kind: 'signature'; signature: Uint8Array; digest: Uint8Array }
