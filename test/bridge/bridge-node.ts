import '../../src/base/polyfill.js'
import type { TestContext } from 'node:test'
import { generateKeyPair } from '@libp2p/crypto/keys'
import type { Libp2p, PeerId, PrivateKey } from '@libp2p/interface'
import type { Archive } from '../../src/archive/archive.js'
import { libp2pUpstream } from '../../src/bridge/libp2p-upstream.js'
import type { UpstreamInit } from '../../src/bridge/upstream.js'
import { UpstreamRelay } from '../../src/bridge/upstream-relay.js'
import type { UpstreamRelayInit } from '../../src/bridge/upstream-relay-settings.js'
import { type Devp2pInit, Devp2pService } from '../../src/devp2p/devp2p-service.js'
import { NodeKey } from '../../src/devp2p/node-key.js'
import {
  type MailClientService,
  type MailserverService,
  mailclient,
  mailserver,
  type WakuService,
  waku
} from '../../src/index.js'
import { wakuNodeOf } from '../../src/libp2p/waku-service.js'
import type { MailserverInit } from '../../src/mailserver/settings.js'
import type { MailDialler } from '../../src/waku/mail-exchange.js'
import type { WakuInit } from '../../src/waku/settings.js'
import type { WakuNode } from '../../src/waku/waku-node.js'
import { libp2pNode } from '../helpers/libp2p-node.js'
import { silentLogger } from '../helpers/logger.js'
import { diskArchive } from '../mailserver/fixture.js'
import { KEY } from '../mailserver/request-maker.js'

type Services = { waku: WakuService; mailserver: MailserverService; mailclient: MailClientService }

export interface BridgeNodeInit {
  privateKey?: PrivateKey
  waku?: WakuInit
  mailserver?: MailserverInit
  devp2p?: Partial<Devp2pInit>
  /** Opens requests. */
  requestKey?: Uint8Array
  /** Made once the node runs. */
  upstreams?: (node: BridgeNode) => UpstreamInit[]
  allows?: (peer: PeerId) => boolean
  relay?: UpstreamRelayInit
}

/** A node of both networks with one identity: real TCP on either, a real archive on disk. */
export interface BridgeNode {
  peerId: PeerId
  libp2p: Libp2p
  waku: WakuNode
  mailserver: MailserverService
  mailclient: MailClientService
  devp2p: Devp2pService
  archive: Archive
  enode: string
  /** A libp2p or devp2p mailserver as an upstream of this node. */
  upstream(other: { libp2p: Libp2p } | { enode: string }): UpstreamInit
  relay: UpstreamRelay
  stop(): Promise<void>
}

export async function bridgeNode(t: TestContext, init: BridgeNodeInit = {}): Promise<BridgeNode> {
  const privateKey = init.privateKey ?? (await generateKeyPair('secp256k1'))
  const archive = await diskArchive(t)
  let relay: UpstreamRelay | undefined
  const libp2p = (await libp2pNode({
    privateKey,
    services: {
      waku: waku({ pow: 0, ...init.waku }),
      mailserver: mailserver({
        archive,
        ...init.mailserver,
        forward: async (...args) => await relay?.forward(...args)
      }),
      mailclient: mailclient({ signWith: privateKey.raw })
    } as never
  })) as unknown as Libp2p<Services>
  const { services } = libp2p
  const inner = wakuNodeOf(services.waku)
  services.mailserver.keyring.lend('main', init.requestKey ?? KEY)
  let dialler: MailDialler | undefined
  const devp2p = new Devp2pService(
    {
      logger: silentLogger(),
      services: () => ({
        waku: inner,
        handle: services.mailserver.handle,
        addDialler: (network, dial) => {
          dialler = dial
          services.mailclient.addDialler(network, dial)
        }
      })
    },
    { key: NodeKey.fromPrivateKey(privateKey), listen: [{ host: '127.0.0.1', port: 0 }], ...init.devp2p }
  )
  await devp2p.start()
  const node: BridgeNode = {
    peerId: libp2p.peerId,
    libp2p,
    ...services,
    waku: inner,
    devp2p,
    archive,
    enode: devp2p.enode as string,
    upstream: other => {
      if ('enode' in other) {
        const peer = devp2p.addAddress(other.enode)
        return { peer, network: 'devp2p', dial: options => (dialler as MailDialler)(peer, options) }
      }
      const [address] = other.libp2p.getMultiaddrs()
      if (address === undefined) throw new Error('it does not listen')
      return libp2pUpstream(libp2p, { peer: other.libp2p.peerId, address })
    },
    get relay() {
      return relay as UpstreamRelay
    },
    stop: async () => {
      relay?.stop()
      await devp2p.beforeStop()
      await libp2p.stop()
      await devp2p.stop()
    }
  }
  relay = new UpstreamRelay(
    {
      upstreams: init.upstreams?.(node) ?? [],
      allows: init.allows ?? (() => true),
      logger: silentLogger()
    },
    init.relay
  )
  t.after(() => node.stop())
  return node
}
