import { z } from 'zod'
import { fromHex, joinBytes, toHex } from '../wire/bytes.js'
import type { Envelope } from '../wire/envelope/envelope.js'
import type { Coverage } from '../wire/request/coverage.js'
import { ExportFormatError } from './errors.js'
import { EXPORT_VERSION, newer } from './export-binary.js'
import type { ExportEnd, ExportHead, ExportItem } from './export-item.js'

const uint32 = z.int().min(0).max(0xffffffff)
const count = z.int().min(0)
const hex = (bytes: number) =>
  z
    .string()
    .regex(new RegExp(`^0x[0-9a-f]{${2 * bytes}}$`))
    .transform(fromHex)
const gap = z.object({ from: uint32, until: uint32, kind: uint32, count })
const headLine = z.object({
  version: z.int(),
  id: hex(16),
  created: uint32,
  salt: hex(32),
  lower: uint32,
  upper: uint32,
  topics: z.array(hex(4)).optional(),
  coverage: z.object({ since: uint32, oldest: uint32, sequence: hex(16), gaps: z.array(gap) })
})
const endLine = z.object({ count, fingerprint: hex(32) })
const envelopeLine = z.object({ raw: z.string().regex(/^0x([0-9a-f]{2})+$/) })

const text = (bytes: Uint8Array): string => `0x${toHex(bytes)}`
const line = (value: unknown): Uint8Array => new TextEncoder().encode(`${JSON.stringify(value)}\n`)

export function headToLine(head: ExportHead): Uint8Array {
  const { id, created, salt, lower, upper, topics, coverage } = head
  const { since, oldest, sequence, gaps } = coverage
  return line({
    export: {
      version: EXPORT_VERSION,
      id: text(id),
      created,
      salt: text(salt),
      lower,
      upper,
      topics: topics?.map(text),
      coverage: { since, oldest, sequence: text(sequence), gaps }
    }
  })
}

/** The members are named as `request --raw` names them. */
export function envelopeToLine(envelope: Envelope): Uint8Array {
  const { hash, topic, sent, expiry, ttl, size, raw } = envelope
  return line({ hash: text(hash), topic: text(topic), sent, expiry, ttl, size, raw: text(raw) })
}

export function endToLine({ count, fingerprint }: ExportEnd): Uint8Array {
  return line({ end: { count, fingerprint: text(fingerprint) } })
}

/** One envelope of 1 MiB in hex, with room. */
const MAX_LINE = 4 * 1024 * 1024
const NEWLINE = 0x0a

/** Reads the form of JSON lines as it comes. */
export class LinesExport {
  #rest: Uint8Array = new Uint8Array(0)
  #number = 0

  /** Whether it may end here: nothing is cut short. */
  get done(): boolean {
    return this.#rest.length === 0
  }

  /** @throws ExportFormatError, which names the line */
  *push(chunk: Uint8Array): Generator<ExportItem, void> {
    let bytes = this.#rest.length === 0 ? chunk : joinBytes([this.#rest, chunk])
    let raws: Uint8Array[] = []
    for (let end = bytes.indexOf(NEWLINE); end !== -1; end = bytes.indexOf(NEWLINE)) {
      const item = this.#read(bytes.subarray(0, end))
      bytes = bytes.subarray(end + 1)
      if (item instanceof Uint8Array) raws.push(item)
      else if (item !== undefined) {
        if (raws.length > 0) yield { kind: 'envelopes', raws }
        raws = []
        yield item
      }
    }
    if (bytes.length > MAX_LINE) throw this.#wrong('it is too long')
    this.#rest = bytes
    if (raws.length > 0) yield { kind: 'envelopes', raws }
  }

  #read(bytes: Uint8Array): ExportItem | Uint8Array | undefined {
    this.#number++
    if (bytes.length === 0) return undefined
    const value = this.#parse(bytes)
    if ('raw' in value) return fromHex(this.#as(envelopeLine, value).raw)
    if ('export' in value) return { kind: 'head', head: this.#head(value.export) }
    if ('end' in value) return { kind: 'end', end: this.#as(endLine, value.end) }
    throw this.#wrong('it is neither an envelope nor the head or the end of an export')
  }

  #parse(bytes: Uint8Array): Record<string, unknown> {
    try {
      const value: unknown = JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(bytes))
      if (typeof value === 'object' && value !== null) return value as Record<string, unknown>
    } catch {
      // said below
    }
    throw this.#wrong('it is no JSON object')
  }

  #head(value: unknown): ExportHead {
    if (typeof value === 'object' && value !== null && 'version' in value && Number(value.version) > EXPORT_VERSION) {
      throw newer()
    }
    const { version: _, coverage, ...head } = this.#as(headLine, value)
    return { ...head, coverage: { ...coverage, more: false } satisfies Coverage }
  }

  #as<T>(schema: z.ZodType<T>, value: unknown): T {
    const result = schema.safeParse(value)
    if (result.success) return result.data
    const issue = result.error.issues[0]
    throw this.#wrong(`"${issue?.path.join('.')}" is not as it should be`)
  }

  #wrong(reason: string): ExportFormatError {
    return new ExportFormatError(`line ${this.#number} is damaged or no part of an export: ${reason}`)
  }
}
