import type { PeerId } from '@libp2p/interface'
import { peerIdFromString } from '@libp2p/peer-id'
import type { Datastore } from 'interface-datastore'
import { z } from 'zod'
import type { View } from '../../admin/view.js'
import type { Archive } from '../../archive/archive.js'
import type { BackfillSummary } from '../../bridge/backfill.js'
import type { Keyring } from '../../mailserver/keyring.js'
import type { TrustList } from '../../trust/trust-list.js'
import type { PacketDigester } from '../../waku/packet-digester.js'
import { fromHex, toHex } from '../../wire/bytes.js'
import { type BackfillParams, backfillParams } from '../backfill/backfill-params.js'
import { type Doctor, doctorParams } from '../operator/doctor.js'
import { command } from './admin-command.js'
import type { ControlHandler, ControlOptions } from './control-server.js'
import { exportHandlers } from './export-handlers.js'
import { type ImportRules, importHandlers } from './import-handlers.js'

/** What there is to look after in a data dir, opened by a running node or by the command itself. */
export interface AdminParts {
  trust: TrustList
  keys: Keyring
  archive: Archive
  /** The node's own records. */
  datastore: Datastore
  /** What may come into the archive. */
  rules: ImportRules
  /** What of a topic is deleted at once when it was sent before a time; where retention is at work. */
  floor?: ((topic: number, now: number) => number) | undefined
  peer: PeerId
  /** Where the node listens. */
  addresses: () => { multiaddrs: string[]; enode: string | null }
  /** Counts of the running node, by name. */
  counters?: (() => Record<string, unknown>) | undefined
  /** How the running node is. */
  view?: (() => Promise<View>) | undefined
  /** Hashes what is imported beside the judging of it. */
  digester?: PacketDigester | undefined
  /** Looks whether all is well. */
  doctor: Doctor
  /** Fetches history into the archive; where the network is at hand. */
  backfill?: ((params: BackfillParams, options: ControlOptions) => Promise<BackfillSummary>) | undefined
}

const uint32 = z.int().min(0).max(0xffffffff)
const count = z.int().min(0)
const peerId = z.string().transform((text, ctx) => {
  try {
    return peerIdFromString(text)
  } catch {
    ctx.addIssue({ code: 'custom', message: 'not a peer id' })
    return z.NEVER
  }
})

const nothing = z.strictObject({})
/** A spoiled record may be called by what names no peer. */
const oneRecord = z.strictObject({ peer: z.string() })
const oneName = z.strictObject({ name: z.string() })
const trustAdd = z.strictObject({
  peer: peerId,
  label: z.string().optional(),
  expires: count.optional(),
  bytesPerDay: count.optional()
})
const keysAdd = z.strictObject({ name: z.string(), key: z.string().regex(/^[0-9a-f]{64}$/), peer: peerId.optional() })
const pruneBefore = z.strictObject({ before: uint32 })

/** The commands that look after a data dir, the same ones behind the control socket of a running node and without one. */
export function adminHandlers(parts: AdminParts): Record<string, ControlHandler> {
  const { trust, keys, archive, backfill } = parts
  return {
    ...importHandlers(parts),
    ...exportHandlers(parts),
    ...(backfill === undefined ? {} : { backfill: command(backfillParams, backfill) }),
    ...(parts.view === undefined ? {} : { view: command(nothing, parts.view) }),
    doctor: command(doctorParams, parts.doctor),
    id: command(nothing, async () => {
      const { multiaddrs, enode } = parts.addresses()
      return { peerId: parts.peer.toString(), multiaddrs, enode }
    }),
    'trust.list': command(nothing, async () => trust.list()),
    'trust.add': command(trustAdd, async ({ peer, ...options }) => trust.add(peer, options)),
    'trust.remove': command(oneRecord, async ({ peer }) => ({ removed: await trust.remove(peer) })),
    'keys.list': command(nothing, async () => keys.list()),
    'keys.add': command(keysAdd, async ({ name, key, peer }) => keys.add(name, fromHex(key), { peer })),
    'keys.remove': command(oneName, async ({ name }) => ({ removed: await keys.remove(name) })),
    stats: command(nothing, async () => stats(parts)),
    verify: command(nothing, async (_, { signal }) => archive.verify({ signal })),
    repair: command(nothing, async (_, { signal }) => archive.repair({ signal })),
    prune: command(pruneBefore, async ({ before }, { signal }) => ({ pruned: await archive.prune(before, { signal }) }))
  }
}

async function stats({ archive, trust, keys, counters }: AdminParts): Promise<Record<string, unknown>> {
  const stats = await archive.stats()
  return {
    running: counters !== undefined,
    archive: { id: toHex(archive.id), ...stats },
    trusted: trust.list().length,
    keys: keys.list().length,
    ...(counters === undefined ? {} : counters())
  }
}
