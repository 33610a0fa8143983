import { defaultLogger } from '@libp2p/logger'
import { peerIdFromPrivateKey } from '@libp2p/peer-id'
import type { Database } from '../archive/database/database.js'
import { KeyRecordError } from '../mailserver/errors.js'
import { Keyring } from '../mailserver/keyring.js'
import { TrustList } from '../trust/trust-list.js'
import { Cleanup } from './cleanup.js'
import { adminHandlers } from './control/admin.js'
import { ControlError } from './control/control-line.js'
import type { ImportRules } from './control/import-handlers.js'
import { DigestThread } from './crypto/digest-thread.js'
import type { DataDir } from './data-dir/data-dir.js'
import { identityOf } from './data-dir/identity.js'
import { type ArchiveSettings, openSharedArchive, placeOf } from './data-dir/shared-archive.js'
import { openStore } from './data-dir/store.js'
import { doctorOffline } from './operator/doctor.js'
import { StorageNotice } from './operator/storage-notice.js'

/** A data dir that no node runs on, opened to be looked after. */
export interface Offline {
  /** The same commands as on the control socket, with the same errors. */
  ask(command: string, params: unknown, options: { signal: AbortSignal }): Promise<unknown>
  /** Envelopes that turned out to be lost since it was opened, at least; undefined when nothing did. */
  readonly lost: number | undefined
  close(): Promise<void>
}

export interface OfflineOptions {
  /** Has a store that does not open since it is damaged mended first. */
  salvage?: boolean | undefined
  /** What may come into the archive; a running node has its own. */
  rules?: ImportRules | undefined
  /** Name an archive that lies elsewhere, if it does. */
  settings?: ArchiveSettings | undefined
  /** Told, a line at a time, what was met damaged, put right or lost: opening alone may leave out what cannot be read. */
  warn?: ((line: string) => void) | undefined
}

/** Throws `DataDirLockedError` when another process has it open without a control socket, and what `openSharedArchive` throws. */
export async function openOffline(dir: DataDir, options: OfflineOptions = {}): Promise<Offline> {
  const cleanup = new Cleanup()
  try {
    const store = cleanup.after(await openStore(dir, { salvage: options.salvage === true }), store => store.close())
    const { datastore } = store
    const peer = peerIdFromPrivateKey(await identityOf(dir))
    const { rules = {}, settings = {}, warn = () => {} } = options
    const shared = await openSharedArchive(settings, { daemon: peer.toString(), create: false })
    if (shared !== undefined) cleanup.after(shared, archive => archive.close())
    const archive = shared ?? store.archive
    const notice = cleanup.after(new StorageNotice(warn, { brief: true }), notice => notice.end())
    for (const opened of new Set([archive, store.archive]))
      cleanup.after(opened.watch({ damaged: notice.onDamaged }), unwatch => unwatch())
    const elsewhere = shared === undefined ? await emptyBeside(store) : undefined
    const logger = defaultLogger()
    const trust = cleanup.after(new TrustList({ datastore, logger }), trust => trust.close())
    const keys = new Keyring({ datastore, logger })
    // a record that cannot be read is removed with the same commands
    await trust.load()
    await keys.load().catch(ignoreUnreadable)
    const doctor = doctorOffline({ archive, folder: dir.path, lost: () => notice.lost })
    const addresses = () => ({ multiaddrs: [], enode: null })
    const digester = cleanup.after(new DigestThread(), digester => digester.stop())
    const handlers = adminHandlers({ trust, keys, archive, datastore, rules, peer, addresses, doctor, digester })
    return {
      async ask(command, params, options) {
        const handler = handlers[command]
        if (handler === undefined) throw new ControlError(`no such command: ${command}`)
        if (elsewhere !== undefined && OF_ARCHIVE.test(command)) throw new ControlError(elsewhere)
        return handler(params, options)
      },
      get lost() {
        return notice.lost
      },
      close: () => cleanup.run()
    }
  } catch (err) {
    await cleanup.run()
    throw err
  }
}

/** Commands about an archive as a whole. */
const OF_ARCHIVE = /^(stats|verify|repair|prune|(export|import)\..+)$/

/** What to say of an empty archive whose node keeps another one: that there is nothing would be wrong. */
async function emptyBeside({ archive, datastore }: Database): Promise<string | undefined> {
  const place = (await archive.stats()).envelopes === 0 ? await placeOf(datastore) : undefined
  return (
    place &&
    `the node of this data dir keeps its archive at ${place}: name it with --archive, or its settings with --config`
  )
}

function ignoreUnreadable(err: Error): void {
  if (err.name !== KeyRecordError.name) throw err
}
