import {
  closeIterator,
  entryBytes,
  isUnreadable,
  type LevelEntry,
  type LevelRange,
  type LevelReadOptions,
  type LevelReads
} from '../database/level-store.js'

/** What a read brought, of a database that may be damaged. */
export interface Reading {
  entries: LevelEntry[]
  /** Something of the range, and perhaps something beside it, could not be read and was passed over. */
  hole: boolean
}

const READ_BYTES = 256 * 1024

/** Reads up to `size` entries of a range; passes over what cannot be read. Nothing is open afterwards. */
export async function readThrough(store: LevelReads, range: LevelReadOptions, size: number): Promise<Reading> {
  const options = { highWaterMarkBytes: READ_BYTES, ...range }
  const iterator = store.iterator(options)
  let entries: LevelEntry[] = []
  let hole = false
  let ended = false
  try {
    entries = await iterator.nextv(size)
  } catch (error) {
    if (!isUnreadable(error)) throw error
    hole = true
  } finally {
    const end = endOf(entries, size, options.highWaterMarkBytes)
    ended = !hole && end.ended
    if (await closeIterator(iterator, range, { ...end, ended })) hole = true
  }
  if (!hole && isDoubtful(store, range, ended ? undefined : entries.at(-1)?.[0])) return { entries, hole: true }
  // LevelDB's binding keeps what it read to itself when it comes to the end of a range with something passed over
  return hole && entries.length === 0 ? { entries: await readSingly(store, options, size), hole } : { entries, hole }
}

/** What a read brought, with what was made of each entry. */
export interface MappedReading<T> extends Reading {
  mapped: T[]
}

/** Entries of a part: with fewer a further read takes longer than what it spares. */
const PART = 256

/**
 * As `readThrough`, and makes something of each entry. Of many it does so while LevelDB's thread is at work: on each part while the next one is
 * read, and on the last one while the iterator is closed.
 */
export async function readMapped<T>(
  store: LevelReads,
  range: LevelReadOptions,
  size: number,
  map: (entry: LevelEntry) => T
): Promise<MappedReading<T>> {
  const found = size < PART ? undefined : await readParted(store, range, size, map)
  if (found !== undefined) return found
  const { entries, hole } = await readThrough(store, range, size)
  return { entries, hole, mapped: entries.map(map) }
}

/** Undefined where something cannot be read: a read of all of it tells where that is. */
async function readParted<T>(
  store: LevelReads,
  range: LevelReadOptions,
  size: number,
  map: (entry: LevelEntry) => T
): Promise<MappedReading<T> | undefined> {
  const parts = Math.ceil(size / PART)
  const asked = Math.ceil(size / parts)
  const highWaterMarkBytes = Math.ceil((range.highWaterMarkBytes ?? READ_BYTES) / parts)
  const iterator = store.iterator({ ...range, highWaterMarkBytes })
  const entries: LevelEntry[] = []
  const mapped: T[] = []
  let end = { bytes: 0, ended: false }
  let closing: Promise<boolean> | undefined
  try {
    let reading: Promise<LevelEntry[]> | undefined = iterator.nextv(asked)
    for (let left = size, part = 1; reading !== undefined; part++) {
      const found: LevelEntry[] = await reading
      end = endOf(found, Math.min(asked, left), highWaterMarkBytes)
      left -= found.length
      reading = end.ended || part === parts || left === 0 ? undefined : iterator.nextv(Math.min(asked, left))
      if (reading === undefined) closing = closeIterator(iterator, range, end)
      for (const entry of found) {
        entries.push(entry)
        mapped.push(map(entry))
      }
    }
    const passedOver = await closing
    const until = end.ended ? undefined : entries.at(-1)?.[0]
    return { entries, mapped, hole: passedOver === true || isDoubtful(store, range, until) }
  } catch (error) {
    if (!isUnreadable(error)) throw error
    return undefined
  } finally {
    if (closing === undefined) await iterator.close()
  }
}

/** What a read of at most so many entries and bytes brought, and whether it came to the end of its range. */
function endOf(entries: LevelEntry[], size: number, most: number): { bytes: number; ended: boolean } {
  const bytes = entries.reduce((sum, entry) => sum + entryBytes(entry), 0)
  return { bytes, ended: entries.length < size && bytes <= most }
}

/** Whether something may be hidden between the beginning of a range and a key up to which it was read, or its end. */
export function isDoubtful(store: LevelReads, range: LevelRange, until: Uint8Array | undefined): boolean {
  return store.isDoubtful?.(lowest(range), until ?? range.lt) === true
}

export const lowest = (range: LevelRange): Uint8Array => ('gt' in range ? range.gt : range.gte)

/** The same entry by entry, until nothing more comes. */
async function readSingly(
  store: LevelReads,
  options: LevelReadOptions & { highWaterMarkBytes: number },
  size: number
): Promise<LevelEntry[]> {
  const iterator = store.iterator(options)
  const entries: LevelEntry[] = []
  let bytes = 0
  try {
    while (entries.length < size && bytes <= options.highWaterMarkBytes) {
      const [entry] = await iterator.nextv(1)
      if (entry === undefined) break
      entries.push(entry)
      bytes += entryBytes(entry)
    }
  } catch (error) {
    if (!isUnreadable(error)) throw error
  } finally {
    await iterator.close()
  }
  return entries
}

/** So few keys are looked for faster than another thread begins. */
const WORTH_SHARING = 64
/** Of the four that there are: whoever comes meanwhile finds one. */
const THREADS = 3

/**
 * As `getCertain`, for what lies far apart: several threads look for it, and something is made of each value while others are looked for.
 * @param map - the value of the key at that place
 */
export async function getShared<T>(
  store: LevelReads,
  keys: readonly Uint8Array[],
  map: (value: Uint8Array | undefined | null, i: number) => T
): Promise<T[]> {
  const share = Math.max(WORTH_SHARING, Math.ceil(keys.length / THREADS))
  const part = async (from: number): Promise<T[]> => {
    const values = await getCertain(store, keys.slice(from, from + share))
    return values.map((value, i) => map(value, from + i))
  }
  const parts: Promise<T[]>[] = []
  for (let from = 0; from < keys.length; from += share) parts.push(part(from))
  return (await Promise.all(parts)).flat()
}

/** As `getReadable`, and null also where what is not found may be hidden. */
export async function getCertain(store: LevelReads, keys: Uint8Array[]): Promise<(Uint8Array | undefined | null)[]> {
  const values = await getReadable(store, keys)
  return values.map((value, i) => {
    const key = keys[i] as Uint8Array
    return value === undefined && store.isDoubtful?.(key, key) === true ? null : value
  })
}

/** Values by their keys: undefined where there is none, null where it cannot be read. */
export async function getReadable(store: LevelReads, keys: Uint8Array[]): Promise<(Uint8Array | undefined | null)[]> {
  try {
    return await store.getMany(keys)
  } catch (error) {
    if (!isUnreadable(error)) throw error
  }
  const values: (Uint8Array | undefined | null)[] = []
  for (const key of keys) {
    try {
      values.push((await store.getMany([key]))[0])
    } catch (error) {
      if (!isUnreadable(error)) throw error
      values.push(null)
    }
  }
  return values
}

/**
 * Where a walk in ascending order goes on that came to an apparent end: a key that was damaged may lie beyond the range, and LevelDB
 * stops there. Looks for what can be read behind it, at one second after another, halving the distance.
 * @param keyAt - the first key of a second
 * @param sentOf - the second of a key
 */
export async function beyondEnd(
  store: LevelReads,
  range: LevelRange,
  { keyAt, sentOf }: { keyAt(sent: number): Uint8Array; sentOf(key: Uint8Array): number }
): Promise<{ range?: LevelRange | undefined; hole: boolean }> {
  const last = (await readThrough(store, { ...range, reverse: true }, 1)).entries[0]
  if (last === undefined) return { hole: false }
  // appended since, and nothing is damaged
  if ((await readThrough(store, range, 1)).entries.length > 0) return { range, hole: false }
  let low = sentOf('gt' in range ? range.gt : range.gte)
  let high = sentOf(last[0])
  if (high <= low) return { hole: true }
  while (low + 1 < high) {
    const middle = Math.floor((low + high) / 2)
    const { entries } = await readThrough(store, { gte: keyAt(middle), lt: range.lt }, 1)
    if (entries.length > 0) high = middle
    else low = middle
  }
  return { range: { gte: keyAt(high), lt: range.lt }, hole: true }
}
