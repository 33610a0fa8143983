import { ClassicLevel } from 'classic-level'
import { isUnreadable } from '../archive/database/level-store.js'
import { rootMessage } from '../archive/errors.js'
import { fromHex, MAX_UINT32, readUint32, toHex, writeUint32 } from '../wire/bytes.js'
import { MAX_PACKET } from '../wire/packet/messages.js'
import { CarefulReader } from './careful-reader.js'
import { SourceError } from './errors.js'
import {
  BATCH_ENVELOPES,
  type ImportBatch,
  type ImportSource,
  type SourceEnd,
  type SourceRange
} from './import-source.js'
import { copyLevel, type LevelCopy } from './level-copy.js'

type Level = ClassicLevel<Uint8Array, Uint8Array>

/** `BE32(sent) ‖ hash` of go-ethereum; status-go puts the topic behind it. */
const POSITION = 36
const WITH_TOPIC = 40
/** Of so many entries one at least must be an envelope's. */
const SAMPLE = 1000

const UNREAD =
  'part of the database is damaged and was left out; the rest is imported. If there is a copy of it, import that too, or run ' +
  'this again with --salvage: what is here already is not stored twice'

/** The LevelDB folder of a mailserver of status-go or go-ethereum; stopped, and left as it is. */
export class LevelSource implements ImportSource {
  private constructor(
    readonly id: string,
    readonly what: string,
    private readonly level: Level,
    private readonly copy: LevelCopy,
    private readonly ends: SourceRange
  ) {}

  /**
   * @param options.place - a folder that does not exist yet, for what LevelDB writes when it opens something
   * @param options.salvage - has LevelDB put together what it still finds, when the database does not open
   * @throws SourceError
   */
  static async open(folder: string, options: { place: string; salvage?: boolean | undefined }): Promise<LevelSource> {
    const copy = await copyLevel(folder, options.place)
    let level: Level | undefined
    try {
      if (options.salvage === true) await ClassicLevel.repair(copy.path)
      level = new ClassicLevel<Uint8Array, Uint8Array>(copy.path, {
        keyEncoding: 'view',
        valueEncoding: 'view',
        createIfMissing: false,
        // a log that is read in at opening stays one table
        writeBufferSize: 64 * 1024 * 1024
      })
      await level.open()
      const form = await formOf(level, folder, copy)
      const ends = { lower: await sentAt(level, false), upper: await sentAt(level, true) }
      return new LevelSource(`level ${folder} ${copy.state}`, form, level, copy, ends)
    } catch (err) {
      await level?.close()
      await copy.remove()
      throw err instanceof SourceError ? err : explained(folder, err as Error)
    }
  }

  async *batches(
    options: SourceRange & { after?: string | undefined; signal: AbortSignal }
  ): AsyncGenerator<ImportBatch, SourceEnd> {
    const { lower, upper, after, signal } = options
    const from = after === undefined ? { gte: writeUint32(lower) } : { gt: fromHex(after) }
    const until = upper === MAX_UINT32 ? {} : { lt: writeUint32(upper + 1) }
    const reader = new CarefulReader(this.level, { ...from, ...until })
    const first = Math.max(lower, this.ends.lower)
    const seconds = Math.max(1, Math.min(upper, this.ends.upper) - first + 1)
    try {
      for (;;) {
        signal.throwIfAborted()
        const entries = await reader.next(BATCH_ENVELOPES)
        const last = entries.at(-1)
        if (last === undefined) return reader.damaged || this.copy.damaged ? { unread: UNREAD } : {}
        const own = entries.filter(([key, value]) => isPosition(key) && value.length <= MAX_PACKET)
        yield {
          raws: own.map(([, value]) => value),
          positions: own.map(([key]) => key.subarray(0, POSITION)),
          mark: toHex(last[0]),
          done: isPosition(last[0]) ? Math.max(0, Math.min(1, (readUint32(last[0]) - first) / seconds)) : 0,
          skipped: entries.length - own.length
        }
      }
    } finally {
      await reader.close()
    }
  }

  async close(): Promise<void> {
    await this.level.close()
    await this.copy.remove()
  }
}

function isPosition(key: Uint8Array): boolean {
  return key.length === POSITION || key.length === WITH_TOPIC
}

/** Which mailserver wrote it. Throws `SourceError` when none did. */
async function formOf(level: Level, folder: string, { damaged }: LevelCopy): Promise<string> {
  const reader = new CarefulReader(level, {})
  const sample = await reader.next(SAMPLE).finally(() => reader.close())
  if (sample.length === 0) return damaged ? 'a LevelDB database that nothing is left of' : 'an empty LevelDB database'
  const lengths = sample.map(([key, value]) => ((value[0] ?? 0) >= 0xc0 ? key.length : 0))
  if (lengths.includes(WITH_TOPIC)) return "status-go's mailserver (LevelDB)"
  if (lengths.includes(POSITION)) return "go-ethereum's mailserver (LevelDB)"
  throw new SourceError(`${folder} is a LevelDB database of something else: no key of it is that of an envelope`)
}

async function sentAt(level: Level, reverse: boolean): Promise<number> {
  try {
    for await (const key of level.keys({ reverse, limit: SAMPLE })) if (isPosition(key)) return readUint32(key)
  } catch (err) {
    if (!isUnreadable(err)) throw err
  }
  return reverse ? MAX_UINT32 : 0 // how far it is will be told wrongly
}

function explained(folder: string, err: Error): SourceError {
  const message = rootMessage(err)
  if (/comparator/i.test(message)) {
    return new SourceError(`${folder} is a LevelDB database of something else: ${message}`, { cause: err })
  }
  return new SourceError(
    `${folder} does not open: ${message}; import a copy of it that does, or run this again with --salvage to read what is left`,
    { cause: err }
  )
}
