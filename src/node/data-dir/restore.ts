import { chown, mkdir, readdir, rename, rm, rmdir, stat } from 'node:fs/promises'
import { dirname, resolve } from 'node:path'
import { Key } from 'interface-datastore'
import type { Archive } from '../../archive/archive.js'
import type { Database } from '../../archive/database/database.js'
import { syncFolder } from '../../archive/database/sync-folder.js'
import { counted } from '../../base/counted.js'
import type { ExportEnd, ExportHead, ExportItem, ExportRecord } from '../../transfer/export-item.js'
import { equalBytes } from '../../wire/bytes.js'
import { decodeEnvelope } from '../../wire/envelope/envelope.js'
import { Fingerprint } from '../../wire/request/fingerprint.js'
import { ControlClient } from '../control/control-client.js'
import { fileOf, keyOf } from './backup-records.js'
import { type DataDir, findDataDir, isThere, openDataDir } from './data-dir.js'
import { giveToOwner } from './ownership.js'
import { writePrivateFile } from './private-file.js'
import { openStore } from './store.js'

/** A backup cannot be restored here, or is none; nothing was changed. */
export class RestoreError extends Error {
  static override readonly name = 'RestoreError'
  override readonly name = 'RestoreError'
}

export interface RestoreSummary {
  envelopes: number
  bytes: number
  /** When the backup was made, Unix seconds. */
  created: number
}

/**
 * Makes a data dir out of a backup, beside where it is to be, and puts it there when it holds what the backup promises.
 * @throws RestoreError, `ExportFormatError`, `ArchiveError`, or the signal's reason
 */
export async function restore(
  items: AsyncIterable<ExportItem>,
  place: string,
  options: { signal: AbortSignal; onProgress?: ((at: RestoreSummary) => void) | undefined }
): Promise<RestoreSummary> {
  const target = resolve(place)
  await checkFree(target)
  const building = `${target}.restoring`
  await rm(building, { recursive: true, force: true })
  await mkdir(dirname(target), { recursive: true })
  try {
    const summary = await build(items, await openDataDir(building), options)
    await takeOwner(target, building)
    await rmdir(target).catch(() => {}) // an empty one
    await checkFree(target)
    await rename(building, target)
    await syncFolder(dirname(target))
    return summary
  } finally {
    await rm(building, { recursive: true, force: true })
  }
}

/** Of the folder whose place it takes: who made that for a node meant the node's user, whoever restores. */
async function takeOwner(target: string, building: string): Promise<void> {
  const before = await stat(target).catch(() => undefined)
  if (before === undefined || process.geteuid?.() !== 0) return
  await chown(building, before.uid, before.gid)
  await giveToOwner(building)
}

/** Whether nothing is there that would be lost. */
async function checkFree(target: string): Promise<void> {
  if (!(await isThere(target))) return
  const names = await readdir(target).catch(() => {
    throw new RestoreError(`${target} is no folder: name another data dir`)
  })
  if (names.length === 0) return
  const running = await findDataDir(target)
    .then(dir => ControlClient.find(dir))
    .catch(() => undefined)
  running?.close()
  throw new RestoreError(
    running === undefined
      ? `${target} is not empty: name a data dir that does not exist yet, or move that one away`
      : `a node runs on ${target}: stop it and move its data dir away, or name another one with --data-dir`
  )
}

async function build(
  items: AsyncIterable<ExportItem>,
  dir: DataDir,
  { signal, onProgress }: { signal: AbortSignal; onProgress?: ((at: RestoreSummary) => void) | undefined }
): Promise<RestoreSummary> {
  let store: Database | undefined
  let head: ExportHead | undefined
  let end: ExportEnd | undefined
  let identified = false
  const sum: RestoreSummary = { envelopes: 0, bytes: 0, created: 0 }
  try {
    for await (const item of items) {
      signal.throwIfAborted()
      if (item.kind === 'head') {
        head = item.head
        const { created, coverage } = head
        sum.created = created
        // it goes on with what the old one knew: since when it archives, and what may be missing
        store = await openStore(dir, { now: () => coverage.since })
        await begin(store.archive, head)
      } else if (item.kind === 'record') {
        if (item.record.name === 'identity') identified = true
        await keep(item.record, dir, store as Database)
      } else if (item.kind === 'envelopes') {
        if (!identified)
          throw new RestoreError('this is an export and no backup: take it in with "waku-mailserver import"')
        const { archive } = store as Database
        await archive.append(item.raws.map(raw => decodeEnvelope(raw)))
        sum.envelopes += item.raws.length
        sum.bytes += item.raws.reduce((bytes, raw) => bytes + raw.length, 0)
        onProgress?.(sum)
      } else if (item.kind === 'end') end = item.end
    }
    if (!identified) throw new RestoreError('this is an export and no backup: take it in with "waku-mailserver import"')
    await verify((store as Database).archive, head as ExportHead, end as ExportEnd)
    return sum
  } finally {
    await store?.close()
  }
}

async function begin(archive: Archive, { created, coverage }: ExportHead): Promise<void> {
  await archive.prune(coverage.oldest)
  for (const gap of coverage.gaps) await archive.addGap(gap)
  // from then until it runs again nobody listened
  await archive.attend(created)
}

async function keep(record: ExportRecord, dir: DataDir, { datastore }: Database): Promise<void> {
  const file = fileOf(record)
  const key = keyOf(record)
  if (file !== undefined) await writePrivateFile(dir[file], new TextDecoder().decode(record.bytes))
  else if (key !== undefined) await datastore.put(new Key(key), record.bytes)
}

/** What is on the disk now has to be what was backed up. */
async function verify(archive: Archive, { salt, lower, upper }: ExportHead, end: ExportEnd): Promise<void> {
  const work = archive.digest({ lower, upper, salt, parts: 1, by: 'time' })
  let result = await work.next()
  while (result.done !== true) result = await work.next()
  const [part] = result.value
  if (part?.count === end.count && equalBytes(fingerprintOf(part, salt), end.fingerprint)) return
  throw new RestoreError(
    `what was restored is not what was backed up: ${part?.count} of ${counted(end.count, 'envelope')}`
  )
}

function fingerprintOf(
  part: { hashes?: Uint8Array[] | undefined; fingerprint?: Uint8Array | undefined },
  salt: Uint8Array
) {
  if (part.fingerprint !== undefined) return part.fingerprint
  const sum = new Fingerprint(salt)
  for (const hash of part.hashes ?? []) sum.add(hash)
  return sum.bytes
}
