import type { Libp2p, PeerId, PrivateKey } from '@libp2p/interface'
import { MemoryDatastore } from 'datastore-core'
import type { Database } from '../../archive/database/database.js'
import { anySignal } from '../../base/any-signal.js'
import { delay } from '../../base/delay.js'
import { isRebuff } from '../../devp2p/rebuffs.js'
import { type MailClientService, type MailClientServiceInit, mailclient, type WakuService, waku } from '../../index.js'
import { BLOOM_BYTES } from '../../wire/envelope/bloom.js'
import { Cleanup } from '../cleanup.js'
import { useQuickKeccak } from '../crypto/quick-keccak.js'
import { useQuickSymmetric } from '../crypto/quick-symmetric.js'
import { openDataDir, refuseNodes } from '../data-dir/data-dir.js'
import { identityOf, isOwned } from '../data-dir/identity.js'
import { openStore } from '../data-dir/store.js'
import { LateDevp2p } from '../devp2p/late-devp2p.js'
import { formatPeerAddress, type PeerAddress } from '../settings/peer-address.js'
import { createPeerNode, startPeerNode } from './peer-node.js'

/** The peer does not answer at its address, is another one, or speaks another protocol. */
export class UnreachableError extends Error {
  static override readonly name = 'UnreachableError'
  override readonly name = 'UnreachableError'
}

/** The server is not on the trust list of the data dir. */
export class NotTrustedError extends Error {
  static override readonly name = 'NotTrustedError'
  override readonly name = 'NotTrustedError'
}

export interface ClientPeerInit {
  dataDir: string
  /** Make a new identity when that of an existing data dir is missing. */
  newIdentity?: boolean | undefined
  /** It may be the data dir of a node, which does not run: for what the node would do itself. */
  ofNode?: boolean | undefined
  /** Trust this peer and nobody else, and remember nothing of it. */
  trustOnly?: PeerId | undefined
  mailclient?: MailClientServiceInit | undefined
}

/** How long an envelope may live is for its receiver to say. */
const LONGEST_TTL = 366 * 86_400
/** A peer that ends a conversation because it stops has closed the connection by then; ours is not opened again before, ms. */
const PARTING_MS = 250

/** What to do about the failures of a dial that people meet. */
const HINTS: readonly (readonly [RegExp, string])[] = [
  [/ECONNREFUSED/, 'nothing listens there: does the node run, and is this an address that its "start" or "id" prints?'],
  [/does not match expected remote identity/, 'another peer is at that address: what does "id" print there?'],
  [/ENOTFOUND|EAI_AGAIN/, 'the name of its machine is not known: is it written right, and is there a network?']
]

type Services = { waku: WakuService; mailclient: MailClientService }

/** A peer that only dials: what `post` and `request` are, with an identity and a trust list of their own. */
export class ClientPeer {
  private constructor(
    readonly node: Libp2p<Services>,
    readonly devp2p: LateDevp2p,
    /** Of the data dir. */
    readonly database: Database,
    private readonly dataDir: string,
    readonly privateKey: PrivateKey,
    private readonly cleanup: Cleanup
  ) {}

  /** Throws `DataDirLockedError`, `DataDirError` or `IdentityError`. */
  static async open(init: ClientPeerInit): Promise<ClientPeer> {
    const cleanup = new Cleanup()
    try {
      const dir = await openDataDir(init.dataDir)
      if (init.ofNode !== true) await refuseNodes(dir) // before its identity is looked for, and its store found in use
      // before the store: one without an identity beside it is a loss
      const privateKey = await identityOf(dir, { renew: init.newIdentity })
      const store = cleanup.after(await openStore(dir), store => store.close())
      if (init.ofNode !== true) await refuseNodes(dir, () => isOwned(store.datastore))
      await useQuickKeccak()
      useQuickSymmetric()
      const node: Libp2p<Services> = await createPeerNode<Services>({
        privateKey,
        datastore: init.trustOnly === undefined ? store.datastore : new MemoryDatastore(),
        services: {
          // it comes to post or to fetch, and wants nothing of what is live
          waku: waku({ light: true, bloom: new Uint8Array(BLOOM_BYTES), maxTtl: LONGEST_TTL }),
          mailclient: mailclient({ signWith: privateKey.raw, ...init.mailclient })
        }
      })
      const devp2p = cleanup.after(new LateDevp2p({ privateKey, services: () => node.services }), side => side.stop())
      cleanup.after(node, node => node.stop())
      await startPeerNode(node)
      if (init.trustOnly !== undefined) await node.services.mailclient.trust.add(init.trustOnly)
      return new ClientPeer(node, devp2p, store, init.dataDir, privateKey, cleanup)
    } catch (err) {
      await cleanup.run().catch(() => {}) // why it could not open matters more
      throw err
    }
  }

  get waku(): WakuService {
    return this.node.services.waku
  }

  get mailclient(): MailClientService {
    return this.node.services.mailclient
  }

  /** Throws `NotTrustedError`. */
  requireTrust(server: PeerId): void {
    if (this.mailclient.trust.has(server)) return
    const expired = this.mailclient.trust.get(server) !== undefined
    throw new NotTrustedError(
      `the server is ${expired ? 'no longer' : 'not'} trusted: add --trust for this run, or ` +
        `"waku-mailserver trust add ${server} --data-dir ${this.dataDir}"`
    )
  }

  /** Dials a peer. Throws `UnreachableError`, or the reason of `signal`. */
  async dial(peer: PeerAddress, options: { signal: AbortSignal; timeout: number }): Promise<void> {
    await this.reach(peer, options, signal => this.connection(peer, signal))
  }

  /** Dials a peer and exchanges Status with it. Throws `UnreachableError`, or the reason of `signal`. */
  async connect(peer: PeerAddress, options: { signal: AbortSignal; timeout: number }): Promise<void> {
    await this.reach(peer, options, async signal => {
      await this.connection(peer, signal)
      await this.waku.connect(peer.peer, { signal })
    })
  }

  /** Why a peer that was connected talks to us no more; undefined when it still does. */
  async whyLost({ peer }: PeerAddress, { signal }: { signal: AbortSignal }): Promise<string | undefined> {
    if (this.waku.peers().some(other => other.peer.equals(peer))) return undefined
    // one that stops ends its connections too
    await delay(PARTING_MS, { signal })
    if (this.node.getConnections(peer).length === 0) return 'the connection to the peer ended'
    return `the peer ended the conversation and kept the connection: ${this.twin}`
  }

  async close(): Promise<void> {
    await this.cleanup.run()
  }

  private get twin(): string {
    return (
      `it seems to talk with another that uses the identity of ${this.dataDir}, a copied data dir; ` +
      'give each its own with --data-dir'
    )
  }

  private async connection(peer: PeerAddress, signal: AbortSignal): Promise<void> {
    if (peer.network === 'libp2p') {
      await this.node.dial(peer.address, { signal })
      return
    }
    const { running } = await this.devp2p.started()
    running.addAddress(peer.enode)
    await running.connect(peer.peer, { signal })
  }

  private async reach(
    peer: PeerAddress,
    { signal, timeout }: { signal: AbortSignal; timeout: number },
    work: (signal: AbortSignal) => Promise<void>
  ): Promise<void> {
    // as any other peer it would be dialled in vain, and two with one identity take each other's place everywhere
    if (peer.peer.equals(this.node.peerId)) {
      throw new UnreachableError(
        `${formatPeerAddress(peer)} has the same identity as ${this.dataDir}: a copied identity? Each data dir is a peer of its own`
      )
    }
    const deadline = AbortSignal.timeout(timeout)
    try {
      await work(anySignal([signal, deadline]))
    } catch (err) {
      signal.throwIfAborted()
      const refused = isRebuff(err) ? `the peer is connected with this identity already: ${this.twin}` : reasonOf(err)
      const reason = deadline.aborted ? `no answer in ${timeout / 1000} s` : refused
      throw new UnreachableError(`cannot reach ${formatPeerAddress(peer)}: ${reason}`, { cause: err })
    }
  }
}

/** libp2p collects the failures of several attempts; the last one says most. */
export function reasonOf(err: unknown): string {
  const last = err instanceof AggregateError ? err.errors.at(-1) : err
  // a WebSocket rejects with an event
  const told = last instanceof Error ? last : ((last as { error?: unknown }).error ?? last)
  const text = told instanceof Error ? told.message : String((told as { message?: unknown }).message ?? told)
  const hint = HINTS.find(([pattern]) => pattern.test(text))?.[1]
  return hint === undefined ? text : `${text}; ${hint}`
}
