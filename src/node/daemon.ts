import type { Libp2p } from '@libp2p/interface'
import type { Archive } from '../archive/archive.js'
import {
  type MailClientService,
  type MailserverService,
  mailclient,
  mailserver,
  type WakuService,
  waku
} from '../index.js'
import { DEFAULT_REQUEST_POW } from '../mailserver/request-policy.js'
import { adminHandlers } from './admin.js'
import { Cleanup } from './cleanup.js'
import { claimControlPath, releaseControlPath } from './control-path.js'
import { ControlServer } from './control-server.js'
import { type DataDir, openDataDir } from './data-dir.js'
import { loadIdentity } from './identity.js'
import { createPeerNode, startPeerNode } from './peer-node.js'
import { useQuickKeccak } from './quick-keccak.js'
import { type ReadyFile, removeReadyFile, writeReadyFile } from './ready-file.js'
import { serverPassword } from './secret.js'
import { DEFAULT_DATA_DIR, DEFAULT_RETENTION_SECONDS, listenAddresses, type StartConfig } from './start-config.js'
import { StaticPeers } from './static-peers.js'
import { openStore } from './store.js'

type Services = { waku: WakuService; mailserver: MailserverService; mailclient: MailClientService }

/** A running mailserver node on its data dir. */
export class Daemon {
  private constructor(
    readonly dir: DataDir,
    readonly node: Libp2p<Services>,
    private readonly readyFile: string | undefined,
    private readonly cleanup: Cleanup
  ) {}

  /** What scripts and `id` are told. */
  get ready(): ReadyFile {
    const multiaddrs = this.node.getMultiaddrs().map(String)
    return { peerId: this.node.peerId.toString(), multiaddrs, enode: null, pid: process.pid }
  }

  /**
   * Resolves when it serves; a ready file of an earlier run is gone then. Throws what keeps it from that, with nothing left behind: `DataDirLockedError`, `ListenError`,
   * `IdentityError`, `SecretError` and others.
   */
  static async start(config: StartConfig): Promise<Daemon> {
    const cleanup = new Cleanup()
    try {
      return await assemble(config, cleanup, (dir, node) => new Daemon(dir, node, config['ready-file'], cleanup))
    } catch (err) {
      await cleanup.run().catch(() => {}) // why it could not start matters more
      throw err
    }
  }

  /** Writes the ready file, if one was asked for. */
  async tellReady(): Promise<void> {
    if (this.readyFile === undefined) return
    this.cleanup.after(this.readyFile, removeReadyFile)
    await writeReadyFile(this.readyFile, this.ready)
  }

  /** Takes nothing more, finishes what was accepted, and releases port, socket and data dir. */
  async stop(): Promise<void> {
    await this.cleanup.run()
  }
}

async function assemble(
  config: StartConfig,
  cleanup: Cleanup,
  finish: (dir: DataDir, node: Libp2p<Services>) => Daemon
): Promise<Daemon> {
  const dir = await openDataDir(config['data-dir'] ?? DEFAULT_DATA_DIR)
  // from here on this process owns the data dir
  const store = cleanup.after(await openStore(dir), store => store.close())
  const readyPath = config['ready-file']
  if (readyPath !== undefined) await removeReadyFile(readyPath)
  const password = await serverPassword(dir, config)
  await useQuickKeccak()

  const node: Libp2p<Services> = await createPeerNode<Services>({
    privateKey: await loadIdentity(dir.identity),
    datastore: store.datastore,
    listen: listenAddresses(config),
    announce: config.announce?.map(String),
    services: services(config, { password, archive: store.archive })
  })
  cleanup.after(node, node => node.stop())
  await startPeerNode(node)

  const daemon = finish(dir, node)
  const { waku, mailserver, mailclient } = node.services
  const handlers = adminHandlers({
    trust: mailclient.trust,
    keys: mailserver.keyring,
    archive: store.archive,
    peer: node.peerId,
    multiaddrs: () => daemon.ready.multiaddrs,
    counters: () => ({
      connections: node.getConnections().length,
      peers: waku.peers().length,
      waku: waku.counters.snapshot(),
      mailserver: mailserver.counts,
      mailclient: mailclient.counts
    })
  })
  const path = cleanup.after(await claimControlPath(dir), () => releaseControlPath(dir))
  cleanup.after(await ControlServer.listen({ path, handlers }), control => control.close())
  cleanup.after(new StaticPeers({ node, waku, peers: config.peer ?? [] }), peers => peers.stop())
  return daemon
}

function services(config: StartConfig, parts: { password: string; archive: Archive }) {
  const retention = config.retention ?? DEFAULT_RETENTION_SECONDS
  return {
    waku: waku({ pow: config['min-pow'], maxTtl: config['max-ttl'] }),
    mailserver: mailserver({
      ...parts,
      archiveTopics: config['archive-topics']?.map(({ topic }) => topic),
      retention: retention === 'forever' ? undefined : retention,
      policies: {
        libp2p: {
          pow: config['request-pow'] ?? DEFAULT_REQUEST_POW,
          signature: config['require-signature'] ?? 'none'
        }
      },
      pageBytes: config['page-bytes']
    }),
    mailclient: mailclient({ acceptPush: config['accept-push'] })
  }
}
