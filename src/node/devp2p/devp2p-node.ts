import type { PrivateKey } from '@libp2p/interface'
import { defaultLogger } from '@libp2p/logger'
import type { Multiaddr } from '@multiformats/multiaddr'
import { Devp2pService, reachable } from '../../devp2p/devp2p-service.js'
import { formatEnode } from '../../devp2p/enode.js'
import { NodeKey } from '../../devp2p/node-key.js'
import type { MailClientService, MailserverService, WakuService } from '../../index.js'
import { wakuNodeOf } from '../../libp2p/waku-service.js'
import type { MailDialler } from '../../waku/mail-exchange.js'
import { ListenError } from '../peer/peer-node.js'
import { type Devp2pListen, defaultDevp2pListen } from '../settings/devp2p-listen.js'
import type { Devp2pAddress } from '../settings/peer-address.js'
import type { StartConfig } from '../settings/start-config.js'

export interface Devp2pNodeInit {
  privateKey: PrivateKey
  /** Asked when it starts. */
  services(): { waku: WakuService; mailclient: MailClientService; mailserver?: MailserverService | undefined }
  /** Absent: it only dials. */
  listen?: Devp2pListen | undefined
  /** For the enode URL, instead of the address of `listen`. */
  announced?: string | undefined
  /** When the port is taken, any other will do. */
  yielding?: boolean | undefined
  peers?: readonly Devp2pAddress[] | undefined
  plainRequests?: boolean | undefined
}

/** The devp2p side of a node: the same services, the same identity. */
export class Devp2pNode {
  /** Another program has the port; this one took any. */
  yielded = false
  private service: Devp2pService | undefined
  private dialler: MailDialler | undefined

  constructor(private readonly init: Devp2pNodeInit) {}

  /** Once the services run. Throws `ListenError`. */
  async start(): Promise<void> {
    const { listen, yielding } = this.init
    try {
      this.service = await this.attempt(listen)
    } catch (err) {
      if (listen === undefined) throw err
      const busy = (err as NodeJS.ErrnoException).code === 'EADDRINUSE'
      if (!busy || yielding !== true) throw explain(err as NodeJS.ErrnoException, listen)
      this.service = await this.attempt({ ...listen, port: 0 })
      this.yielded = true
    }
  }

  /** Dials nobody any more. */
  async beforeStop(): Promise<void> {
    await this.service?.beforeStop()
  }

  /** Once the services that its conversations belong to have stopped. */
  async stop(): Promise<void> {
    await this.service?.stop()
    this.service = undefined
  }

  /** @throws {Error} while it does not run */
  get running(): Devp2pService {
    if (this.service === undefined) throw new Error('the devp2p side does not run')
    return this.service
  }

  /** How others reach this node; null while it only dials. */
  get enode(): string | null {
    return this.service?.enode ?? null
  }

  /** How mailservers are asked over devp2p. */
  get dial(): MailDialler {
    return async (server, options) => {
      if (this.dialler === undefined) throw new Error('the devp2p side does not run')
      return await this.dialler(server, options)
    }
  }

  get counts(): Record<string, number> {
    return { peers: this.service?.connections.length ?? 0, ...this.service?.tally.snapshot() }
  }

  private async attempt(listen: Devp2pListen | undefined): Promise<Devp2pService> {
    const { privateKey, services, peers = [], plainRequests, announced } = this.init
    const service = new Devp2pService(
      {
        logger: defaultLogger(),
        services: () => {
          const { waku, mailserver, mailclient } = services()
          return {
            waku: wakuNodeOf(waku),
            handle: mailserver?.handle,
            addDialler: (network, dialler) => {
              this.dialler = dialler
              mailclient.addDialler(network, dialler)
            }
          }
        }
      },
      {
        key: NodeKey.fromPrivateKey(privateKey),
        listen: listen === undefined ? [] : [listen],
        host: announced,
        peers: peers.map(({ enode }) => enode),
        plainRequests
      }
    )
    await service.start()
    return service
  }
}

/** How a node on these settings listens; undefined when it does not speak devp2p. */
export function devp2pSettings(
  config: Pick<StartConfig, 'no-devp2p' | 'devp2p-listen' | 'listen' | 'announce'>
): { listen: Devp2pListen; yielding: boolean; announced: string | undefined } | undefined {
  if (config['no-devp2p'] === true) return undefined
  const chosen = config['devp2p-listen']
  return {
    listen: chosen ?? defaultDevp2pListen(config.listen),
    yielding: chosen === undefined,
    announced: announcedHost(config.announce)
  }
}

/** The enode URL of a node that would listen there; null for a port that is not known yet. */
export function enodeOf(
  key: PrivateKey,
  { listen: { host, port }, announced }: { listen: Devp2pListen; announced: string | undefined }
): string | null {
  if (port === 0) return null
  return formatEnode({ id: NodeKey.fromPrivateKey(key).id, host: announced ?? reachable(host), port })
}

/** The machine that the first multiaddr names; an address goes before a name, which not every program reads in an enode URL. */
function announcedHost(addresses: readonly Multiaddr[] = []): string | undefined {
  const firsts = addresses.flatMap(address => address.getComponents().slice(0, 1))
  const host = firsts.find(({ name }) => /^ip[46]$/.test(name)) ?? firsts.find(({ name }) => /^dns[46]?$/.test(name))
  return host?.value
}

function explain(err: NodeJS.ErrnoException, { host, port }: Devp2pListen): Error {
  const address = `${host}:${port}`
  const other = 'choose another with --devp2p-listen <ip:port>, or --no-devp2p'
  if (err.code === 'EADDRINUSE') return new ListenError(`the devp2p port of ${address} is in use: ${other}`)
  if (err.code === 'EADDRNOTAVAIL') return new ListenError(`this machine does not have the address of ${address}`)
  if (err.code === 'EACCES') return new ListenError(`this user may not listen on ${address} for devp2p: ${other}`)
  return err.code === undefined ? err : new ListenError(`cannot listen on ${address} for devp2p: ${err.code}`)
}
