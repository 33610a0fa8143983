import type { BackfillSummary } from '../../bridge/backfill.js'
import { wakuNodeOf } from '../../libp2p/waku-service.js'
import type { ControlOptions } from '../control/control-server.js'
import type { DataDir } from '../data-dir/data-dir.js'
import { StorageNotice } from '../operator/storage-notice.js'
import { ClientPeer } from '../peer/client-peer.js'
import { parsePeerAddress } from '../settings/peer-address.js'
import { type ArchiveRules, BackfillNode } from './backfill-node.js'
import type { BackfillParams } from './backfill-params.js'

/**
 * Fetches history into the archive of a data dir that no node runs on, under the identity of that data dir. Throws
 * `DataDirLockedError` when another process has it open without a control socket, and what `BackfillNode` throws.
 */
export async function backfillOffline(
  dir: DataDir,
  params: BackfillParams,
  options: ControlOptions & { rules: ArchiveRules; warn?: ((line: string) => void) | undefined }
): Promise<BackfillSummary> {
  const { rules, warn = () => {}, ...control } = options
  const peer = await ClientPeer.open({ dataDir: dir.path, ofNode: true })
  const notice = new StorageNotice(warn, { brief: true })
  const unwatch = peer.database.archive.watch({ damaged: notice.onDamaged })
  try {
    const { node, database, privateKey, mailclient } = peer
    const { network } = parsePeerAddress(params.server)
    const devp2p = network === 'devp2p' ? await peer.devp2p.started() : undefined
    const backfill = new BackfillNode({
      node,
      devp2p,
      waku: wakuNodeOf(peer.waku),
      trust: mailclient.trust,
      database,
      privateKey,
      rules: () => rules
    })
    return await backfill.run(params, control)
  } finally {
    unwatch()
    notice.end()
    await peer.close()
  }
}
