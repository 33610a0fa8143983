import type { TestContext } from 'node:test'
import type { Libp2p, PrivateKey } from '@libp2p/interface'
import type { Multiaddr } from '@multiformats/multiaddr'
import { MemoryDatastore } from 'datastore-core'
import type { Datastore } from 'interface-datastore'
import type { Archive } from '../../src/archive/archive.js'
import {
  type CaughtUp,
  type MailboxItem,
  type MailboxMessage,
  type MailboxServer,
  type MailboxService,
  type MailClientService,
  type MailserverService,
  mailbox,
  mailclient,
  mailserver,
  type WakuService,
  waku
} from '../../src/index.js'
import type { MailboxServiceInit } from '../../src/libp2p/mailbox-service.js'
import type { MailClientInit } from '../../src/mailclient/settings.js'
import type { WakuInit } from '../../src/waku/settings.js'
import { type Envelope, encodeEnvelope } from '../../src/wire/envelope/envelope.js'
import { topicFromName } from '../../src/wire/envelope/topic.js'
import { encodePayload } from '../../src/wire/payload/payload.js'
import { sealSymmetric } from '../../src/wire/payload/symmetric.js'
import { unixNow } from '../helpers/envelopes.js'
import { libp2pNode } from '../helpers/libp2p-node.js'
import { diskArchive } from '../mailserver/fixture.js'

export const PASSWORD = 'a password of theirs'
/** So that no test has to derive one. */
export const MESSAGE_KEY: Uint8Array = new Uint8Array(32).fill(7)

/** How long the archives have been there, in seconds. */
export const AGE = 100 * 86_400

export interface Mailhost {
  libp2p: Libp2p<{ waku: WakuService; mailserver: MailserverService }>
  archive: Archive
  address: Multiaddr
  privateKey: PrivateKey | undefined
}

/** A mailserver on a real node, with an archive on a real disk. */
export async function mailhost(
  t: TestContext,
  options: { archive?: Archive; listen?: string; privateKey?: PrivateKey; pageBytes?: number } = {}
): Promise<Mailhost> {
  const archive = options.archive ?? (await diskArchive(t, { now: () => unixNow() - AGE }))
  const libp2p = (await libp2pNode({
    ...options,
    services: {
      waku: waku({ pow: 0 }),
      mailserver: mailserver({ password: PASSWORD, archive, pageBytes: options.pageBytes })
    }
  })) as Mailhost['libp2p']
  t.after(() => libp2p.stop())
  return { libp2p, archive, address: libp2p.getMultiaddrs()[0] as Multiaddr, privateKey: options.privateKey }
}

export interface Reader {
  libp2p: Libp2p<{ waku: WakuService; mailclient: MailClientService; mailbox: MailboxService }>
  mailbox: MailboxService
  datastore: Datastore
  stop(): Promise<void>
}

export interface ReaderOptions extends Partial<Omit<MailboxServiceInit, 'waku' | 'mailclient'>> {
  datastore?: Datastore | undefined
  client?: MailClientInit | undefined
  waku?: WakuInit | undefined
  privateKey?: PrivateKey | undefined
  /** Whether libp2p looks after its connections by itself. */
  monitored?: boolean | undefined
}

/** An application with a mailbox at these servers; stopped, and made again with the same datastore, it is the same one. */
export async function reader(
  t: TestContext,
  servers: ReadonlyArray<Mailhost | Multiaddr | MailboxServer>,
  options: ReaderOptions = {}
): Promise<Reader> {
  const { datastore = new MemoryDatastore(), client, waku: wakuInit, privateKey, monitored, ...init } = options
  const addresses = servers.map(server => ('libp2p' in server ? server.address : server))
  const libp2p = (await libp2pNode({
    datastore,
    ...(privateKey && { privateKey }),
    connectionMonitor: { enabled: monitored ?? true },
    services: {
      waku: waku({ pow: 0, ...wakuInit }),
      mailclient: mailclient({ backoff: 5, ...client }),
      mailbox: mailbox({ servers: addresses, password: PASSWORD, backoff: 20, interval: 500, ...init })
    }
  })) as Reader['libp2p']
  const stop = async (): Promise<void> => await libp2p.stop()
  t.after(stop)
  return { libp2p, mailbox: libp2p.services.mailbox, datastore, stop }
}

/** An envelope that says something on a topic, without proof of work. */
export function letter(
  text: string,
  fields: { sent?: number; topic?: string; ttl?: number; data?: Uint8Array } = {}
): Envelope {
  const { sent = unixNow() - 3600, topic = 'news', ttl = 50 } = fields
  const data = fields.data ?? sealSymmetric(encodePayload({ payload: new TextEncoder().encode(text) }), MESSAGE_KEY)
  return encodeEnvelope({ expiry: sent + ttl, ttl, topic: topicFromName(topic), data, nonce: 0n })
}

/** So many of them, a second apart. */
export function letters(count: number, from = 0, sent = unixNow() - 7200): Envelope[] {
  return Array.from({ length: count }, (_, i) => letter(`${from + i}`, { sent: sent + i }))
}

export const NEWS = { topics: ['news'], key: MESSAGE_KEY }

/** Reads until so many seams were passed. */
export async function untilCaughtUp(
  items: AsyncIterable<MailboxItem>,
  waves = 1
): Promise<{ texts: string[]; seams: CaughtUp[]; items: MailboxItem[] }> {
  const all: MailboxItem[] = []
  const seams: CaughtUp[] = []
  for await (const item of items) {
    all.push(item)
    if (item.type === 'caughtUp') seams.push(item)
    if (seams.length === waves) break
  }
  return { texts: textsOf(all), seams, items: all }
}

export const isMessage = (item: MailboxItem): item is MailboxMessage => item.type === 'message'

export const textsOf = (items: readonly MailboxItem[]): string[] => items.filter(isMessage).map(({ text }) => text)
