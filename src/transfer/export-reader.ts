import { createGunzip } from 'node:zlib'
import { counted } from '../base/counted.js'
import { equalBytes, joinBytes } from '../wire/bytes.js'
import { decodeEnvelope } from '../wire/envelope/envelope.js'
import { Fingerprint } from '../wire/request/fingerprint.js'
import { signerOf } from './courier-signature.js'
import { CourierError, ExportFormatError } from './errors.js'
import { BinaryExport } from './export-binary.js'
import { EXPORT_MAGIC } from './export-frame.js'
import type { ExportHead, ExportItem } from './export-item.js'
import { LinesExport } from './export-lines.js'

type Chunks = AsyncIterable<Uint8Array>

/**
 * Reads an export in either form, compressed or not: head, envelopes, end, each checked, and that nothing is missing, added or
 * changed; that it was signed by whom it names. What was not confirmed by the end yet is given too: who must not act on half of
 * it reads it twice.
 *
 * @throws ExportFormatError, CourierError, or what reading throws
 */
export async function* readExport(bytes: Chunks): AsyncGenerator<ExportItem, void> {
  let check: Check | undefined
  for await (const item of itemsOf(await unpacked(bytes))) {
    if (item.kind === 'head') {
      if (check !== undefined) throw new ExportFormatError('it has two heads: read exports one after the other')
      check = new Check(item.head)
    } else if (check === undefined) throw new ExportFormatError('this is no export of a mailserver: it has no head')
    else check.take(item)
    yield item
  }
  if (check === undefined) throw new ExportFormatError('this is no export of a mailserver: it is empty')
  check.end()
}

/** Whether all that the head promises has come. */
class Check {
  readonly #head: ExportHead
  readonly #sum: Fingerprint
  #ended = false
  #signed = false

  constructor(head: ExportHead) {
    this.#head = head
    this.#sum = new Fingerprint(head.salt)
  }

  take(item: ExportItem): void {
    if (this.#ended && item.kind !== 'signature') throw new ExportFormatError('something follows its end')
    if (item.kind === 'envelopes') this.#add(item.raws)
    if (item.kind === 'end') {
      const { count, fingerprint } = item.end
      this.#ended = true
      if (count !== this.#sum.count) {
        throw new ExportFormatError(
          `it promises ${counted(count, 'envelope')} and holds ${this.#sum.count}: export it again`
        )
      }
      if (!equalBytes(fingerprint, this.#sum.bytes)) {
        throw new ExportFormatError('its envelopes are not those that were exported: export it again')
      }
    }
    if (item.kind === 'signature') {
      if (!this.#ended) throw new ExportFormatError('it is signed before its end')
      const { from } = this.#head
      if (from === undefined || !equalBytes(from, signerOf(item.digest, item.signature) ?? new Uint8Array(0))) {
        throw new CourierError('the courier file was changed: it is not signed by whom it names; have it made again')
      }
      this.#signed = true
    }
  }

  end(): void {
    if (!this.#ended) {
      throw new ExportFormatError(
        `it ends early, after ${counted(this.#sum.count, 'envelope')}: copy or export it again`
      )
    }
    if (this.#head.from !== undefined && !this.#signed) {
      throw new CourierError('the courier file lacks its signature: copy it or have it made again')
    }
  }

  #add(raws: readonly Uint8Array[]): void {
    for (const raw of raws) {
      try {
        this.#sum.add(decodeEnvelope(raw).hash)
      } catch (cause) {
        throw new ExportFormatError(`envelope ${this.#sum.count + 1} is none: export it again`, { cause })
      }
    }
  }
}

async function* itemsOf(chunks: Chunks): AsyncGenerator<ExportItem, void> {
  let parser: BinaryExport | LinesExport | undefined
  let first: Uint8Array = new Uint8Array(0)
  for await (const chunk of chunks) {
    first = parser === undefined ? joinBytes([first, chunk]) : chunk
    if (first.length < EXPORT_MAGIC.length) continue
    parser ??= first[0] === 0x7b ? new LinesExport() : new BinaryExport()
    yield* parser.push(first)
  }
  if (parser === undefined) throw new ExportFormatError('this is no export of a mailserver: it is too short')
  if (!parser.done) throw new ExportFormatError('it is cut short: copy or export it again')
}

/** What gzip made is decompressed, anything else is given as it is. */
async function unpacked(bytes: Chunks): Promise<Chunks> {
  const iterator = bytes[Symbol.asyncIterator]()
  let first: Uint8Array = new Uint8Array(0)
  while (first.length < 2) {
    const { value, done } = await iterator.next()
    if (done === true) break
    first = joinBytes([first, value])
  }
  const whole: Chunks = {
    async *[Symbol.asyncIterator]() {
      yield first
      yield* { [Symbol.asyncIterator]: () => iterator }
    }
  }
  return first[0] === 0x1f && first[1] === 0x8b ? gunzip(whole) : whole
}

async function* gunzip(chunks: Chunks): AsyncGenerator<Uint8Array, void> {
  const { Readable, pipeline } = await import('node:stream')
  const out = createGunzip({ chunkSize: 256 * 1024 })
  const source = Readable.from(chunks, { objectMode: false })
  pipeline(source, out, () => {}) // reading `out` throws it
  try {
    yield* out as Chunks
  } catch (cause) {
    const { code } = cause as NodeJS.ErrnoException
    if (code?.startsWith('Z_') !== true) throw cause
    const cut = code === 'Z_BUF_ERROR'
    throw new ExportFormatError(
      `${cut ? 'it is cut short' : 'its compressed form is damaged'}: copy or export it again`
    )
  } finally {
    source.destroy()
    out.destroy()
  }
}
