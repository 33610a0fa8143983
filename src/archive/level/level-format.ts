import { equalBytes, readUint32 } from '../../wire/bytes.js'
import { randomBytes } from '../../wire/random.js'
import { type LevelOperation, type LevelStore, readRange } from '../database/level-store.js'
import { ArchiveFormatError } from '../errors.js'
import { allEnvelopes, envelopeFields, everything, isEnvelopeKey, metaKey, REPAIR_KEY, uint32 } from './level-layout.js'
import { countsOfTopics } from './level-leftovers.js'
import { readRow } from './level-row.js'

/** Raised whenever an older version could not read what this one writes. */
const FORMAT = 5
/** Read too, and taken over: an older version cannot go on with it then. Their rows stay as they are (level-row.ts). */
const PREVIOUS = [1, 2, 3, 4]
const FORMAT_KEY = metaKey('format')
const ID_KEY = metaKey('id')
const ID_BYTES = 8
/** No format will have a higher number: what has is spoiled. */
const HIGHEST = 255

/** An archive of the form that this version knows. */
interface Opened {
  /** 8 bytes. */
  id: Uint8Array
  /** What had to be made anew, in words. */
  told?: string | undefined
}

/**
 * Makes sure that the archive in a database is of the form this version knows, and begins one where there is none.
 * @throws ArchiveFormatError
 */
export async function openFormat(store: LevelStore): Promise<Opened> {
  const [format, id] = await store.getMany([FORMAT_KEY, ID_KEY])
  const known = id?.length === ID_BYTES ? Uint8Array.from(id) : undefined
  if (format === undefined) return begin(store, undefined, false)
  if (!isFormat(format)) return begin(store, known, true)
  if (PREVIOUS.some(previous => equalBytes(format, uint32(previous)))) {
    const counts = await countsOfTopics(store)
    await store.batch([...counts, { type: 'put', key: FORMAT_KEY, value: uint32(FORMAT) }], { sync: true })
  } else if (!equalBytes(format, uint32(FORMAT))) {
    throw new ArchiveFormatError(
      `the archive has format ${readUint32(format, 0)}; this version knows formats ${[...PREVIOUS, FORMAT].join(', ')} only: a later one wrote it, and opens it`
    )
  }
  return known === undefined ? begin(store, undefined, true) : { id: known }
}

/** Whether bytes may be a format, of this version or of one to come. */
const isFormat = (bytes: Uint8Array): boolean =>
  bytes.length === 4 && readUint32(bytes, 0) > 0 && readUint32(bytes, 0) <= HIGHEST

/** @param known - the id, where that was not lost. @param isSpoiled - something of it is there: it was an archive */
async function begin(store: LevelStore, known: Uint8Array | undefined, isSpoiled: boolean): Promise<Opened> {
  const found = await readRange(store, everything(), 1)
  const operations: LevelOperation[] = []
  let told: string | undefined
  if (found.length > 0) {
    if (!isSpoiled && !(await hasEnvelope(store)))
      throw new ArchiveFormatError('there is something else where the archive belongs')
    told = `the record of the archive's ${known === undefined ? 'id' : 'format'} could not be read: it is made anew`
    // its own records went with a part that was damaged: whatever else did is made anew
    operations.push({ type: 'put', key: REPAIR_KEY, value: uint32(1) })
  }
  // another id: numbers of the order of ingest may be given out again, and nobody is to go on by those of before
  const id = known ?? randomBytes(ID_BYTES)
  operations.push({ type: 'put', key: FORMAT_KEY, value: uint32(FORMAT) }, { type: 'put', key: ID_KEY, value: id })
  await store.batch(operations, { sync: true })
  return { id, told }
}

/** Whether the first envelope is one, by its checksum. */
async function hasEnvelope(store: LevelStore): Promise<boolean> {
  const [first] = await readRange(store, allEnvelopes(), 1)
  return first !== undefined && isEnvelopeKey(first[0]) && readRow(envelopeFields(first[0]), first[1]) !== undefined
}
