import type { Libp2p, PrivateKey } from '@libp2p/interface'
import { defaultLogger } from '@libp2p/logger'
import { MemoryDatastore } from 'datastore-core'
import type { Archive } from '../../archive/archive.js'
import type { Database } from '../../archive/database/database.js'
import { ageFloor } from '../../archive/retention-rules.js'
import { Tally } from '../../base/tally.js'
import { Backfill, type BackfillSummary } from '../../bridge/backfill.js'
import { MailClient } from '../../mailclient/mail-client.js'
import { MAILSERVER_EVENTS } from '../../mailserver/counters.js'
import { TopicStore } from '../../mailserver/topic-store.js'
import { TrustList } from '../../trust/trust-list.js'
import { ServerUnreachableError } from '../../waku/mail-errors.js'
import type { MailDialler } from '../../waku/mail-exchange.js'
import { settle } from '../../waku/settings.js'
import type { WakuNode } from '../../waku/waku-node.js'
import { fromHex } from '../../wire/bytes.js'
import type { ControlOptions } from '../control/control-server.js'
import type { Devp2pNode } from '../devp2p/devp2p-node.js'
import { upstreamOf } from '../devp2p/upstream-relay-node.js'
import { NotTrustedError, reasonOf } from '../peer/client-peer.js'
import { formatPeerAddress, type PeerAddress, parsePeerAddress } from '../settings/peer-address.js'
import { retentionRules } from '../settings/retention-config.js'
import type { StartConfig } from '../settings/start-config.js'
import type { BackfillParams } from './backfill-params.js'

/** One backfill is under way; another one has to wait for it. */
export class BackfillBusyError extends Error {
  static override readonly name = 'BackfillBusyError'
  override readonly name = 'BackfillBusyError'
}

export type ArchiveRules = Pick<
  StartConfig,
  'retention' | 'retention-topics' | 'archive-topics' | 'max-ttl' | 'min-pow'
>

export interface BackfillNodeParts {
  node: Libp2p
  devp2p: Devp2pNode | undefined
  waku: Pick<WakuNode, 'deliverHistoric'>
  /** Of the data dir. */
  trust: TrustList
  database: { archive: Archive; datastore: Database['datastore'] }
  privateKey: PrivateKey
  /** As they are now. */
  rules: () => ArchiveRules
  /** What of a topic is deleted at once when it was sent before a time; by ages alone when absent. */
  floor?: ((topic: number, now: number) => number) | undefined
}

/** Fetches history into the archive of a node, one backfill at a time. */
export class BackfillNode {
  private running = false

  constructor(private readonly parts: BackfillNodeParts) {}

  /** Throws `BackfillBusyError`, `NotTrustedError`, `ValueError`, and what a history of the mail client throws. */
  async run(params: BackfillParams, options: ControlOptions): Promise<BackfillSummary> {
    if (this.running) throw new BackfillBusyError('another backfill of this node is under way')
    this.running = true
    try {
      return await this.fetch(parsePeerAddress(params.server), params, options)
    } finally {
      this.running = false
    }
  }

  private async fetch(
    server: PeerAddress,
    { trust: forThisRun, key, topics, maxBytes, ...params }: BackfillParams,
    { signal, report }: ControlOptions
  ): Promise<BackfillSummary> {
    const trust = await this.trustFor(server, forThisRun === true)
    const client = this.client(server, trust, maxBytes)
    const query = {
      ...params,
      server: server.peer,
      network: server.network,
      topics: topics?.map(fromHex),
      requestKey: key === undefined ? undefined : fromHex(key)
    }
    try {
      return await this.backfill(client).run(query, { signal, onProgress: report })
    } finally {
      client.stop()
      if (trust !== this.parts.trust) await trust.close()
    }
  }

  /** The list of the data dir, or one of its own for a server that is trusted for this run. */
  private async trustFor(server: PeerAddress, forThisRun: boolean): Promise<TrustList> {
    const { trust } = this.parts
    if (trust.has(server.peer)) return trust
    if (!forThisRun) {
      throw new NotTrustedError(
        'the server is not trusted: add --trust for this run, or ' +
          `"waku-mailserver trust add ${server.peer}" for this data dir`
      )
    }
    const own = new TrustList({ datastore: new MemoryDatastore(), logger: defaultLogger() })
    await own.add(server.peer)
    return own
  }

  private client(server: PeerAddress, trust: TrustList, maxRequestBytes: number | undefined): MailClient {
    const { waku, node, devp2p, privateKey } = this.parts
    const logger = defaultLogger()
    const client = new MailClient({ waku, trust, logger }, { signWith: privateKey.raw, maxRequestBytes })
    const { dial } = upstreamOf(server, node, devp2p)
    const dialler: MailDialler = async (_server, options) => {
      try {
        return await dial(options)
      } catch (cause) {
        options.signal.throwIfAborted()
        throw new ServerUnreachableError(`cannot reach ${formatPeerAddress(server)}: ${reasonOf(cause)}`, { cause })
      }
    }
    client.addDialler(server.network, dialler)
    client.start()
    return client
  }

  private backfill(client: MailClient): Backfill {
    const { database } = this.parts
    const rules = this.parts.rules()
    const { floor = ageFloor(retentionRules(rules)) } = this.parts
    const store = new TopicStore({
      archive: database.archive,
      tally: new Tally(MAILSERVER_EVENTS, {
        name: 'waku_mailserver_backfill_events_total',
        help: 'What became of fetched envelopes'
      }),
      topics: rules['archive-topics']?.map(({ topic }) => topic),
      floor
    })
    return new Backfill({
      history: query => client.history(query),
      store,
      datastore: database.datastore,
      // what the live node would take
      rules: settle({ pow: rules['min-pow'], maxTtl: rules['max-ttl'] }),
      log: defaultLogger().forComponent('waku:backfill')
    })
  }
}
