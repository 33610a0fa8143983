import { createReadStream } from 'node:fs'
import { stat } from 'node:fs/promises'
import { toHex } from '../wire/bytes.js'
import { decodeEnvelope } from '../wire/envelope/envelope.js'
import { CourierError, ExportFormatError, SourceError } from './errors.js'
import type { ExportHead, ExportItem } from './export-item.js'
import { readExport } from './export-reader.js'
import type { ImportBatch, ImportSource, SourceEnd, SourceRange } from './import-source.js'

/** A file that `export` wrote; it is read to its end and checked before anything of it is given. */
export class ExportFileSource implements ImportSource {
  private constructor(
    private readonly path: string,
    private readonly head: ExportHead,
    private readonly total: number
  ) {}

  /** Throws `SourceError`, `CourierError`. */
  static async open(path: string, signal: AbortSignal): Promise<ExportFileSource> {
    let head: ExportHead | undefined
    let total = 0
    for await (const item of itemsOf(path, createReadStream(path))) {
      signal.throwIfAborted()
      if (item.kind === 'head') head = item.head
      if (item.kind === 'end') total = item.end.count
    }
    return new ExportFileSource(path, head as ExportHead, total)
  }

  get id(): string {
    return `export ${toHex(this.head.id)}`
  }

  get what(): string {
    return this.head.from === undefined ? 'an export' : 'a courier file'
  }

  get courier() {
    const { from, created, coverage } = this.head
    const { since, oldest } = coverage
    return from && { from, created, since, oldest }
  }

  async *batches(options: SourceRange & { after?: string | undefined; signal: AbortSignal }) {
    return yield* batchesOf(itemsOf(this.path, createReadStream(this.path)), options, this.total)
  }

  async close(): Promise<void> {}
}

/** An export that comes through a pipe: what is good of it is taken as it comes. */
export class ExportStreamSource implements ImportSource {
  readonly id = 'stream'
  readonly what = 'an export from standard input'

  constructor(private readonly bytes: AsyncIterable<Uint8Array>) {}

  async *batches(options: SourceRange & { signal: AbortSignal }) {
    const { lower, upper, signal } = options
    return yield* batchesOf(unsigned(itemsOf('standard input', this.bytes)), { lower, upper, signal })
  }

  async close(): Promise<void> {}
}

/** Who signed is known at the end only, when it would be too late. */
async function* unsigned(items: AsyncIterable<ExportItem>): AsyncGenerator<ExportItem> {
  for await (const item of items) {
    if (item.kind === 'head' && item.head.from !== undefined) {
      throw new CourierError('a courier file is verified before it is taken in: save it, and name the file')
    }
    yield item
  }
}

async function* batchesOf(
  items: AsyncIterable<ExportItem>,
  { lower, upper, after, signal }: SourceRange & { after?: string | undefined; signal: AbortSignal },
  total?: number
): AsyncGenerator<ImportBatch, SourceEnd> {
  const from = Number(after ?? 0)
  let passed = 0
  for await (const item of items) {
    signal.throwIfAborted()
    if (item.kind !== 'envelopes') continue
    const begin = Math.max(0, from - passed)
    passed += item.raws.length
    const raws = item.raws.slice(begin).filter(raw => {
      const { sent } = decodeEnvelope(raw)
      return sent >= lower && sent <= upper
    })
    if (raws.length > 0) yield { raws, mark: String(passed), done: total === undefined ? 0 : passed / total }
  }
  return {}
}

/** The items, with the name of the file in what goes wrong. */
async function* itemsOf(name: string, bytes: AsyncIterable<Uint8Array>): AsyncGenerator<ExportItem> {
  try {
    yield* readExport(bytes)
  } catch (err) {
    if (err instanceof ExportFormatError) throw new SourceError(`${name}: ${err.message}`, { cause: err })
    const { code, syscall } = err as NodeJS.ErrnoException
    if (syscall === undefined) throw err
    const why = code === 'EISDIR' ? 'it is a folder, name the file in it' : code
    throw new SourceError(code === 'ENOENT' ? `there is no ${name}` : `cannot read ${name}: ${why}`, { cause: err })
  }
}

/**
 * What an export or a backup holds: that of a file, or with `-` of standard input. Throws `SourceError`. The file is opened when
 * the first item is asked for: a stream that fails before anybody listens to it ends the process.
 */
export async function* exportItems(from: string, stdin: AsyncIterable<Uint8Array>): AsyncGenerator<ExportItem> {
  yield* from === '-' ? itemsOf('standard input', stdin) : itemsOf(from, createReadStream(from))
}

/** Whether there is a folder, a file, or nothing. Throws `SourceError`. */
export async function kindOfPath(path: string): Promise<'folder' | 'file'> {
  try {
    return (await stat(path)).isDirectory() ? 'folder' : 'file'
  } catch (err) {
    const { code } = err as NodeJS.ErrnoException
    throw new SourceError(code === 'ENOENT' ? `there is no ${path}` : `cannot read ${path}: ${code}`, { cause: err })
  }
}
