import type { Libp2p } from '@libp2p/interface'
import { peerIdFromPrivateKey } from '@libp2p/peer-id'
import { closedMetrics } from '../admin/libp2p-metrics.js'
import type { Overview } from '../admin/overview.js'
import { Recorder } from '../admin/recorder.js'
import { Salted } from '../admin/salted.js'
import { viewOf } from '../admin/view.js'
import type { Archive } from '../archive/archive.js'
import type { UpstreamRelay } from '../bridge/upstream-relay.js'
import { wakuNodeOf } from '../libp2p/waku-service.js'
import type { RequestForwarder } from '../mailserver/request-forwarder.js'
import { keyFromPassword } from '../wire/envelope/key.js'
import { BackfillNode } from './backfill/backfill-node.js'
import { Cleanup } from './cleanup.js'
import { keepHeapClose } from './close-heap.js'
import { adminHandlers } from './control/admin.js'
import { claimControlPath, releaseControlPath } from './control/control-path.js'
import { ControlServer } from './control/control-server.js'
import { DigestThread } from './crypto/digest-thread.js'
import { useQuickKeccak } from './crypto/quick-keccak.js'
import { useQuickSymmetric } from './crypto/quick-symmetric.js'
import { type DataDir, isThere, openDataDir } from './data-dir/data-dir.js'
import { checkOwner, identityOf } from './data-dir/identity.js'
import { checkReadyFile, type ReadyFile, removeReadyFile, writeReadyFile } from './data-dir/ready-file.js'
import { notePlace, openSharedArchive } from './data-dir/shared-archive.js'
import { openStore } from './data-dir/store.js'
import { Devp2pNode, devp2pSettings } from './devp2p/devp2p-node.js'
import { upstreamRelayOf } from './devp2p/upstream-relay-node.js'
import { byNetwork, checkNetworks, withoutSelf } from './node-networks.js'
import { type NodeServices, nodeServices } from './node-services.js'
import { AdminNode } from './operator/admin-node.js'
import { adminTokenOf } from './operator/admin-token.js'
import { doctorOf } from './operator/doctor.js'
import { IdentityNotice } from './operator/identity-notice.js'
import { overviewOf } from './operator/overview-node.js'
import { StorageNotice } from './operator/storage-notice.js'
import { packageVersion } from './package-version.js'
import { CertificateWatch } from './peer/certificate-watch.js'
import { createPeerNode, startPeerNode } from './peer/peer-node.js'
import { PeersInMemory } from './peer/peers-in-memory.js'
import { Relays } from './peer/relays.js'
import { StaticPeers } from './peer/static-peers.js'
import { WebSockets } from './peer/web-sockets.js'
import { webRtcCertificate } from './peer/webrtc-certificate.js'
import { loadWebRtc } from './peer/webrtc-direct.js'
import { adminSettings } from './settings/admin-listen.js'
import { checkConfig } from './settings/config.js'
import { certificateFiles, listenPlaces, wantsWebRtc } from './settings/listen-config.js'
import { LiveSettings, type Reloaded } from './settings/live-settings.js'
import { retentionRules } from './settings/retention-config.js'
import { namedPassword, ownPassword } from './settings/secret.js'
import { DEFAULT_DATA_DIR, type StartConfig, startShape } from './settings/start-config.js'
import { warmUp } from './warm-up.js'

/** A batch of an import in base64, with room. */
const MAX_CONTROL_LINE = 8 * 1024 * 1024

type DaemonParts = Pick<Daemon, 'dir' | 'node' | 'devp2p' | 'admin' | 'overview'> & { live: LiveSettings }

/** A running mailserver node on its data dir. */
export class Daemon {
  readonly dir: DataDir
  readonly node: Libp2p<NodeServices>
  /** Absent with --no-devp2p. */
  readonly devp2p: Devp2pNode | undefined
  /** Absent with --no-admin. */
  readonly admin: AdminNode | undefined
  /** How it is. */
  readonly overview: Overview

  private constructor(
    private readonly parts: DaemonParts,
    private readonly readyFile: string | undefined,
    private readonly cleanup: Cleanup
  ) {
    this.dir = parts.dir
    this.node = parts.node
    this.devp2p = parts.devp2p
    this.admin = parts.admin
    this.overview = parts.overview
  }

  /** What scripts and `id` are told. */
  get ready(): ReadyFile {
    const multiaddrs = this.node.getMultiaddrs().map(String)
    const enode = this.devp2p?.enode ?? null
    return { peerId: this.node.peerId.toString(), multiaddrs, enode, pid: process.pid, admin: this.admin?.url ?? null }
  }

  /**
   * Resolves when it serves; a ready file of an earlier run is gone then. Throws what keeps it from that, with nothing left
   * behind: `DataDirLockedError`, `ListenError`, `IdentityError`, `SecretError` and others.
   *
   * @param config what `readConfig` makes of flags, environment and a file; a `ConfigError` for anything else
   * @param warn told, a line at a time, what the operator should know while it serves
   */
  static async start(config: StartConfig, warn: (line: string) => void = () => {}): Promise<Daemon> {
    checkConfig(config, startShape)
    keepHeapClose()
    const cleanup = new Cleanup()
    try {
      return await assemble(config, cleanup, warn, parts => new Daemon(parts, config['ready-file'], cleanup))
    } catch (err) {
      await cleanup.run().catch(() => {}) // why it could not start matters more
      throw err
    }
  }

  /** Takes over other settings, as far as that goes without a restart: all of them, or none when one is wrong, which it throws. */
  reload(next: StartConfig): Promise<Reloaded> {
    return this.parts.live.change(next)
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
  given: StartConfig,
  cleanup: Cleanup,
  warn: (line: string) => void,
  finish: (parts: DaemonParts) => Daemon
): Promise<Daemon> {
  checkNetworks(given)
  const adminListen = adminSettings(given)
  retentionRules(given)
  const notice = cleanup.after(new StorageNotice(warn), notice => notice.end())
  const { onStored, onDamaged } = notice
  const { onTwin } = new IdentityNotice(warn)
  const { own, relayed } = listenPlaces(given)
  const files = certificateFiles(given)
  const certificate =
    files &&
    cleanup.after(await CertificateWatch.start({ files, warn, onRenew: renewed => webSockets.renew(renewed) }), watch =>
      watch.stop()
    )
  const onRefused = (): void => wakuNodeOf(node.services.waku).limits.counts.add('refused_socket')
  const webSockets = new WebSockets(certificate?.current, {
    proxies: new Set(given['trusted-proxy']),
    onRefused
  })
  const relays = new Relays()
  const webRtc = wantsWebRtc(given) ? await loadWebRtc() : undefined
  // what is wrong with the settings is found before there is a data dir
  const named = await namedPassword(given)
  const dataDir = given['data-dir'] ?? DEFAULT_DATA_DIR
  const readyPath = given['ready-file']
  if (readyPath !== undefined) await checkReadyFile(readyPath, dataDir)
  const dir = await openDataDir(dataDir)
  const isNew = !(await isThere(dir.database))
  // before the archive: one without an identity beside it is a loss
  const privateKey = await identityOf(dir, { renew: given['new-identity'] })
  const config = withoutSelf(given, peerIdFromPrivateKey(privateKey), warn)
  // from here on this process owns the data dir
  const store = cleanup.after(await openStore(dir), store => store.close())
  const peer = peerIdFromPrivateKey(privateKey)
  await checkOwner(dir, { datastore: store.datastore, peer, renew: given['new-identity'] })
  const shared = await openSharedArchive(given, { daemon: peer.toString(), create: true })
  if (shared !== undefined) cleanup.after(shared, archive => archive.close())
  await notePlace(store.datastore, given)
  const archive: Archive = shared ?? store.archive
  if (shared !== undefined && (await store.archive.stats()).envelopes > 0)
    warn(
      'the data dir has envelopes of its own, which are not served: "archive copy" brings them into the other archive'
    )
  cleanup.after(archive.watch({ damaged: onDamaged, writable: onStored }), unwatch => unwatch())
  if (readyPath !== undefined) await removeReadyFile(readyPath)
  const password = named ?? (await ownPassword(dir, isNew ? undefined : warn))
  await useQuickKeccak()
  useQuickSymmetric()
  const digester = cleanup.after(new DigestThread(), digester => digester.stop())
  const recorder = new Recorder()
  const admin = adminListen && new AdminNode({ settings: adminListen, token: await adminTokenOf(dir, warn) })

  let upstreamRelay: UpstreamRelay | undefined
  const forward: RequestForwarder = async (...request) => await upstreamRelay?.forward(...request)
  const records = new PeersInMemory(store.datastore)
  await records.forgetOld()
  const node: Libp2p<NodeServices> = await createPeerNode<NodeServices>({
    privateKey,
    datastore: records,
    listen: own,
    announce: config.announce?.map(String),
    maxConnections: config['max-connections'],
    webSockets,
    relays,
    transports: webRtc && [
      webRtc({
        certificate: await webRtcCertificate(dir.webrtc),
        onRefused
      })
    ],
    metrics: admin && closedMetrics(recorder.metrics.registry),
    services: nodeServices(config, {
      password,
      archive,
      privateKey,
      forward,
      digester,
      onStored: (error, append) => {
        onStored(error)
        recorder.onStored(error, append)
      },
      onAnswered: recorder.onAnswered,
      onTwin
    })
  })
  const { mailserver, mailclient } = node.services
  const waku = wakuNodeOf(node.services.waku)
  const peers = byNetwork(config.peer ?? [])
  const settings = devp2pSettings(config)
  const devp2p =
    settings &&
    new Devp2pNode({
      ...settings,
      privateKey,
      peers: peers.devp2p,
      plainRequests: config['plain-requests'],
      services: () => node.services
    })
  // its conversations belong to the services: they end first
  if (devp2p !== undefined) cleanup.after(devp2p, devp2p => devp2p.stop())
  cleanup.after(node, node => node.stop())
  await startPeerNode(node)
  cleanup.after(relays, relays => relays.stop())
  await relays.start({ node, addresses: relayed, warn })
  if (devp2p !== undefined) cleanup.after(devp2p, devp2p => devp2p.beforeStop())
  await devp2p?.start()
  upstreamRelay = cleanup.after(upstreamRelayOf(config, { node, devp2p }), upstreamRelay => upstreamRelay.stop())

  const trust = mailclient.trust
  for (const line of trust.unreadable) warn(line)
  const floor = (topic: number, now: number): number => mailserver.floor(topic, now)
  const passwordOf = async (config: StartConfig): Promise<string> =>
    (await namedPassword(config)) ?? (await ownPassword(dir, warn))
  const live = new LiveSettings({ config: given, mailserver, passwordOf })
  const backfill = new BackfillNode({
    node,
    devp2p,
    waku,
    trust,
    database: { archive, datastore: store.datastore },
    privateKey,
    rules: () => live.current,
    floor
  })
  let derived: { of: string; key: Promise<Uint8Array> } | undefined
  const requestKey = async (): Promise<Uint8Array> => {
    const of = await passwordOf(live.current).catch(() => password)
    if (derived?.of !== of) derived = { of, key: keyFromPassword(of) }
    return await derived.key
  }
  const overview = overviewOf({
    config,
    recorder,
    node,
    devp2p,
    libp2p: node,
    listeners: own.length,
    requestKey,
    waku,
    archive,
    trust,
    keys: mailserver.keyring,
    folder: dir.path,
    lost: () => notice.lost,
    adminConnections: () => admin?.connections ?? 0,
    counts: () => ({
      mailserver: mailserver.counts,
      mailclient: mailclient.counts,
      devp2p: devp2p?.counts ?? {},
      upstreamRelay: upstreamRelay?.tally.snapshot() ?? {}
    })
  })
  const salted = new Salted()
  const waitingAddresses = () => waku.limits.throttle.waitingAddresses()
  const view = () => viewOf({ overview, salted, version: packageVersion(), waitingAddresses })
  const daemon = finish({ dir, node, devp2p, admin, overview, live })
  const handlers = adminHandlers({
    trust,
    keys: mailserver.keyring,
    archive,
    datastore: store.datastore,
    digester,
    get rules() {
      return live.current
    },
    floor,
    peer: node.peerId,
    addresses: () => daemon.ready,
    view,
    doctor: doctorOf(overview, { config, node, requestKey }),
    backfill: (params, options) => backfill.run(params, options),
    counters: () => ({
      connections: node.getConnections().length,
      peers: waku.peers().length,
      waku: waku.counters.snapshot(),
      limits: waku.limits.counts.snapshot(),
      mailserver: mailserver.counts,
      mailclient: mailclient.counts,
      ...(devp2p === undefined ? {} : { devp2p: devp2p.counts }),
      ...(config.upstream === undefined ? {} : { upstreamRelay: upstreamRelay?.tally.snapshot() })
    })
  })
  cleanup.after(overview, overview => overview.stop()).start()
  if (admin !== undefined) cleanup.after(admin, admin => admin.stop())
  await admin?.start({
    overview,
    archive,
    samples: recorder.samples,
    view,
    run: async (command, params, signal) => await handlers[command]?.(params, { signal })
  })
  // a database of others is warm, and may be far
  if (shared === undefined) await warmUp(archive, { logger: node.logger })
  const path = cleanup.after(await claimControlPath(dir), () => releaseControlPath(dir))
  cleanup.after(await ControlServer.listen({ path, handlers, maxLine: MAX_CONTROL_LINE }), control => control.close())
  cleanup.after(new StaticPeers({ node, waku, peers: peers.libp2p }), peers => peers.stop())
  return daemon
}
