import '../../src/base/polyfill.js'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

import { MemoryDatastore } from 'datastore-core'
import type { Archive } from '../../src/archive/archive.js'
import { openDatabase } from '../../src/archive/database/database.js'
import { type Devp2pInit, Devp2pService } from '../../src/devp2p/devp2p-service.js'
import { NodeKey } from '../../src/devp2p/node-key.js'
import { MailClient } from '../../src/mailclient/mail-client.js'
import type { MailClientInit } from '../../src/mailclient/settings.js'
import { Keyring } from '../../src/mailserver/keyring.js'
import { Mailserver } from '../../src/mailserver/mailserver.js'
import type { MailserverInit } from '../../src/mailserver/settings.js'
import { TrustList } from '../../src/trust/trust-list.js'
import type { WakuInit } from '../../src/waku/settings.js'
import { WakuNode } from '../../src/waku/waku-node.js'
import { silentLogger } from '../helpers/logger.js'
import type { Scope } from '../helpers/scope.js'
import { until } from '../helpers/waku-node.js'
import { KEY } from '../mailserver/request-maker.js'

export interface LegacyNodeInit {
  key?: NodeKey
  waku?: WakuInit
  /** False for a node that serves no history. */
  mailserver?: MailserverInit | false
  mailclient?: MailClientInit
  devp2p?: Partial<Devp2pInit>
  /** Opens requests. */
  requestKey?: Uint8Array
}

/** Everything a node consists of, over devp2p alone: real RLPx, a real archive on disk. */
export interface LegacyNode {
  key: NodeKey
  devp2p: Devp2pService
  waku: WakuNode
  mailserver: Mailserver
  client: MailClient
  trust: TrustList
  archive: Archive
  enode: string
  stop(): Promise<void>
}

export async function legacyNode(t: Scope, init: LegacyNodeInit = {}): Promise<LegacyNode> {
  const logger = silentLogger()
  const key = init.key ?? new NodeKey()
  const dir = await mkdtemp(join(tmpdir(), 'devp2p-'))
  const database = await openDatabase(join(dir, 'db'))
  const { archive } = database
  const keyring = new Keyring({ datastore: new MemoryDatastore(), logger })
  keyring.lend('main', init.requestKey ?? KEY)
  const trust = new TrustList({ datastore: new MemoryDatastore(), logger })
  await trust.load()
  const waku = new WakuNode({ peerId: key.peerId, logger }, { pow: 0, ...init.waku })
  const mailserver = new Mailserver(
    { waku, archive, keyring, logger },
    init.mailserver === false ? {} : (init.mailserver ?? {})
  )
  const client = new MailClient({ waku, trust, logger }, { signWith: key.privateKey, ...init.mailclient })
  const devp2p = new Devp2pService(
    {
      logger,
      services: () => ({
        waku,
        handle: init.mailserver === false ? undefined : mailserver.handle,
        addDialler: (network, dialler) => client.addDialler(network, dialler)
      })
    },
    { key, listen: [{ host: '127.0.0.1', port: 0 }], ...init.devp2p }
  )
  await waku.beforeStart()
  waku.start()
  if (init.mailserver !== false) mailserver.start()
  client.start()
  await devp2p.start()
  let stopped = false
  const stop = async (): Promise<void> => {
    if (stopped) return
    stopped = true
    client.stop()
    await Promise.all([devp2p.beforeStop(), waku.beforeStop(), mailserver.beforeStop()])
    await devp2p.stop()
    waku.stop()
    await trust.close()
    await database.close()
    await rm(dir, { recursive: true, force: true })
  }
  t.after(stop)
  return { key, devp2p, waku, mailserver, client, trust, archive, enode: devp2p.enode as string, stop }
}

/** Dials and waits until both nodes have the other's Status. */
export async function meet(from: LegacyNode, to: LegacyNode): Promise<void> {
  const peer = from.devp2p.addAddress(to.enode)
  await from.waku.connect(peer)
  await until(() => to.waku.peers().some(({ peer }) => peer.equals(from.key.peerId)))
}
