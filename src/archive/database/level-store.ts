import { joinBytes } from '../../wire/bytes.js'
import type { CheckOptions, Mended } from './files/database-files.js'

/** One entry of a read. */
export type LevelEntry = [key: Uint8Array, value: Uint8Array]

export type LevelOperation = { type: 'put'; key: Uint8Array; value: Uint8Array } | { type: 'del'; key: Uint8Array }

/** Bounds of a read. */
export type LevelRange = { lt: Uint8Array } & ({ gte: Uint8Array } | { gt: Uint8Array })

export type LevelReadOptions = LevelRange & {
  reverse?: boolean
  /** A batch of a read ends soon after so many bytes. */
  highWaterMarkBytes?: number
}

/** A batch of a group of envelopes is made while it is written: nothing of it waits for the disk in memory. */
export type LevelOperations = Iterable<LevelOperation>

export interface LevelIterator {
  /** At most `size` of them; none when there are no more. */
  nextv(size: number): Promise<LevelEntry[]>
  /** To beyond its range: the next read brings nothing, and what was read before is let go of. */
  seek(target: Uint8Array): void
  close(): Promise<void>
}

/** What was found in the files of a database, and put right, before it was opened, or while it was read for the first time. */
export interface Opened {
  logs: Mended
  /** Where they were looked through; who makes good what they lack takes it away. */
  tables?: Mended | undefined
}

/** What the archive needs of LevelDB: `ClassicStore` has it, and a test may put itself between. */
export interface LevelStore {
  batch(operations: LevelOperations, options: { sync: boolean }): Promise<void>
  getMany(keys: Uint8Array[]): Promise<(Uint8Array | undefined)[]>
  iterator(options: LevelReadOptions): LevelIterator
  compactRange(start: Uint8Array, end: Uint8Array): Promise<void>
  /** Why nothing new may be stored now; what is deleted, and small records, may be written if `makeRoom` said so. */
  readonly trouble?: Error | undefined
  /**
   * Where nothing can be written any more: gives room that was kept back to what frees more. False when there is no need.
   * @throws ArchiveError when it is not enough
   */
  makeRoom?(): Promise<boolean>
  /** To be called after what freed room. */
  roomMade?(): Promise<void>
  readonly opened?: Opened | undefined
  /** Looks at the checksums of its files; returns how many parts of them are wrong. */
  checkFiles?(options?: CheckOptions): Promise<number>
  /** Whether keys between two, both inclusive, may be missing or wrong: what lies in such a part, as the last look saw it. */
  isDoubtful?(first: Uint8Array, last: Uint8Array): boolean
  /** Puts right what can be in such parts, and leaves out the others. Reads and writes wait. */
  mendFiles?(): Promise<Mended>
  /** To be called when what was left out is about to be made anew, or to be found lost: until then it is in doubt. */
  settled?(): void
}

/** What a read needs of it. */
export type LevelReads = Pick<LevelStore, 'getMany' | 'iterator' | 'isDoubtful'>

/** The same, and tells how many entries each read brought. */
export function visiting(store: LevelReads, onVisited: (entries: number) => void): LevelReads {
  const brought = async <T>(reading: Promise<T[]>): Promise<T[]> => {
    const found = await reading
    onVisited(found.length)
    return found
  }
  return {
    getMany: keys => brought(store.getMany(keys)),
    isDoubtful: (first, last) => store.isDoubtful?.(first, last) === true,
    iterator(options) {
      const iterator = store.iterator(options)
      return {
        nextv: size => brought(iterator.nextv(size)),
        seek: target => iterator.seek(target),
        close: () => iterator.close()
      }
    }
  }
}

const READ_BYTES = 256 * 1024
const WORTH_RELEASING = 16 * 1024

/** Reads up to `size` entries of a range, with nothing left open afterwards. */
export async function readRange(store: LevelStore, range: LevelReadOptions, size: number): Promise<LevelEntry[]> {
  const iterator = store.iterator({ highWaterMarkBytes: READ_BYTES, ...range })
  let bytes = 0
  try {
    const entries = await iterator.nextv(size)
    bytes = entries.reduce((sum, entry) => sum + entryBytes(entry), 0)
    return entries
  } finally {
    await closeIterator(iterator, range, { bytes, ended: true })
  }
}

/** As LevelDB counts, so that a read which it ends for its size is seen to be full. */
export function entryBytes([key, value]: LevelEntry): number {
  return key.length + value.length
}

/**
 * Closes an iterator after its last read; returns whether LevelDB passed over something that it could not read. It says so only
 * beyond the end, which a read has to go to. LevelDB's binding also keeps a copy of what was read last until the iterator is garbage
 * collected, which was 400 MB in a scan of a gigabyte; a read beyond the end lets go of it.
 * @param ended - a read has been there
 */
export async function closeIterator(
  iterator: LevelIterator,
  { lt, reverse = false }: LevelReadOptions,
  { bytes, ended }: { bytes: number; ended: boolean }
): Promise<boolean> {
  try {
    if (ended && bytes < WORTH_RELEASING) return false
    iterator.seek(reverse ? lt : justBefore(lt))
    await iterator.nextv(1)
    return false
  } catch (error) {
    if (!isUnreadable(error)) throw error
    return true
  } finally {
    await iterator.close()
  }
}

/** Longer than any key. */
const LONGEST = new Uint8Array(128).fill(0xff)

/**
 * What no key is that lies before another: from there LevelDB comes to what is behind a range. Beyond a range it goes to the very last of all
 * keys, which took longer than half of a page.
 */
function justBefore(key: Uint8Array): Uint8Array {
  const end = key.length - 1
  const last = key[end] ?? 0
  return last === 0 ? key.subarray(0, end) : joinBytes([key.subarray(0, end), Uint8Array.of(last - 1), LONGEST])
}

const UNREADABLE = ['LEVEL_CORRUPTION', 'LEVEL_IO_ERROR']

/** Whether an error of LevelDB says that something on disk is damaged or cannot be read. */
export function isUnreadable(error: unknown): boolean {
  for (let cause = error; cause instanceof Error; cause = cause.cause)
    if ('code' in cause && UNREADABLE.includes(String(cause.code))) return true
  return false
}

/** All entries of a range, for tables that are small. */
export async function* readAll(store: LevelStore, range: LevelRange): AsyncGenerator<LevelEntry, void> {
  const iterator = store.iterator({ highWaterMarkBytes: READ_BYTES, ...range })
  try {
    for (;;) {
      const entries = await iterator.nextv(1000)
      if (entries.length === 0) return
      yield* entries
    }
  } finally {
    await iterator.close()
  }
}
