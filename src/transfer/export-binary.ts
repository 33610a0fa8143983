import { createHash } from 'node:crypto'
import { MAX_UINT32 } from '../wire/bytes.js'
import { MalformedError } from '../wire/errors.js'
import { encodeMessages, splitMessages } from '../wire/packet/messages.js'
import { type Coverage, coverageItem, decodeCoverageAnswer } from '../wire/request/coverage.js'
import { decodeUint, type RlpItem } from '../wire/rlp.js'
import { children, decodeList, encodeStructure, NOTHING, structureOf, uint } from '../wire/structure.js'
import { ExportFormatError } from './errors.js'
import { EXPORT_MAGIC, type ExportFrame, encodeExportFrame, FrameKind, FrameReader } from './export-frame.js'
import type { ExportEnd, ExportHead, ExportItem, ExportRecord } from './export-item.js'

/** Raised when an older version could not read what this one writes. */
export const EXPORT_VERSION = 1

/** The magic, then the head. */
export function encodeHead(head: ExportHead): Uint8Array[] {
  const { id, created, salt, lower, upper, topics = [], coverage, from = NOTHING } = head
  const structure = [
    uint(EXPORT_VERSION),
    id,
    uint(created),
    salt,
    [uint(lower), uint(upper)],
    topics,
    structureOf(coverageItem({ coverage, digests: [] })),
    from
  ]
  return [EXPORT_MAGIC, encodeExportFrame(FrameKind.head, encodeStructure(structure))]
}

/** @param raws - at most 16384 envelopes, of 4 MiB together */
export function encodeEnvelopes(raws: readonly Uint8Array[]): Uint8Array {
  return encodeExportFrame(FrameKind.envelopes, encodeMessages(raws))
}

export function encodeRecord({ name, bytes }: ExportRecord): Uint8Array {
  return encodeExportFrame(FrameKind.record, encodeStructure([new TextEncoder().encode(name), bytes]))
}

export function encodeEnd({ count, fingerprint }: ExportEnd): Uint8Array {
  return encodeExportFrame(FrameKind.end, encodeStructure([uint(count), fingerprint]))
}

export function encodeSignature(signature: Uint8Array): Uint8Array {
  return encodeExportFrame(FrameKind.signature, signature)
}

/** Reads the binary form as it comes. */
export class BinaryExport {
  readonly #frames = new FrameReader()
  readonly #hash = createHash('sha256').update(EXPORT_MAGIC)

  /** Whether it may end here: nothing is cut short. */
  get done(): boolean {
    return this.#frames.done
  }

  /** @throws ExportFormatError */
  *push(chunk: Uint8Array): Generator<ExportItem, void> {
    this.#frames.push(chunk)
    for (let frame = this.#frames.next(); frame !== undefined; frame = this.#frames.next()) {
      const item = decode(frame)
      if (item.kind === 'signature') item.digest = this.#hash.copy().digest()
      this.#hash.update(frame.raw)
      yield item
    }
  }
}

function decode({ kind, payload }: ExportFrame): ExportItem {
  try {
    if (kind === FrameKind.head) return { kind: 'head', head: decodeHead(payload) }
    if (kind === FrameKind.envelopes) return { kind: 'envelopes', raws: splitMessages(payload).map(({ raw }) => raw) }
    if (kind === FrameKind.record) return { kind: 'record', record: decodeRecord(payload) }
    if (kind === FrameKind.end) return { kind: 'end', end: decodeEnd(payload) }
    if (kind === FrameKind.signature) return { kind: 'signature', signature: payload, digest: NOTHING }
  } catch (cause) {
    if (!(cause instanceof MalformedError)) throw cause
    throw new ExportFormatError(`it holds something that is not understood: ${cause.message}`, { cause })
  }
  throw newer()
}

export function newer(): ExportFormatError {
  return new ExportFormatError('it was written by a newer version of waku-mailserver: update this one')
}

function decodeHead(payload: Uint8Array): ExportHead {
  const [version, id, created, salt, range, topics, coverage, from] = decodeList(payload)
  if (version === undefined || decodeUint(version, { max: MAX_UINT32 }) > EXPORT_VERSION) throw newer()
  const [lower, upper] = range === undefined ? [] : children(range)
  if (id === undefined || created === undefined || salt === undefined || lower === undefined || upper === undefined) {
    throw new MalformedError('items of the head are missing')
  }
  if (topics === undefined || coverage === undefined) throw new MalformedError('items of the head are missing')
  const list = children(topics).map(topic => bytesOf(topic, 4))
  return {
    id: bytesOf(id, 16),
    created: decodeUint(created, { max: MAX_UINT32 }),
    salt: bytesOf(salt, 32),
    lower: decodeUint(lower, { max: MAX_UINT32 }),
    upper: decodeUint(upper, { max: MAX_UINT32 }),
    ...(list.length === 0 ? {} : { topics: list }),
    coverage: copied(decodeCoverageAnswer(coverage).coverage),
    ...(from === undefined || from.empty ? {} : { from: bytesOf(from, 65) })
  }
}

function copied(coverage: Coverage): Coverage {
  return { ...coverage, sequence: Uint8Array.from(coverage.sequence) }
}

function decodeRecord(payload: Uint8Array): ExportRecord {
  const [name, bytes] = decodeList(payload)
  if (name === undefined || name.isList || bytes === undefined || bytes.isList) throw new MalformedError('no record')
  return { name: new TextDecoder().decode(name.payload), bytes: Uint8Array.from(bytes.payload) }
}

function decodeEnd(payload: Uint8Array): ExportEnd {
  const [count, fingerprint] = decodeList(payload)
  if (count === undefined || fingerprint === undefined) throw new MalformedError('items of the end are missing')
  return { count: decodeUint(count, { max: Number.MAX_SAFE_INTEGER }), fingerprint: bytesOf(fingerprint, 32) }
}

function bytesOf(item: RlpItem, length: number): Uint8Array {
  const { payload, isList } = item
  if (isList || payload.length !== length) throw new MalformedError(`${length} bytes were expected`)
  return Uint8Array.from(payload)
}
