import { z } from 'zod'
import { type Check, failed, type NamedCheck } from '../../admin/check.js'
import { archiveReads, damage, disk } from '../../admin/checks.js'
import type { Overview } from '../../admin/overview.js'
import type { Archive } from '../../archive/archive.js'
import { fromHex } from '../../wire/bytes.js'
import { parsePeerAddress } from '../settings/peer-address.js'
import { type OverviewNodeInit, sendCanary } from './overview-node.js'

/** What an examination is told, as it goes through the control socket. */
export const doctorParams = z.strictObject({
  /** Another mailserver that hears of what this node hears, and what opens requests there. */
  through: z.strictObject({ server: z.string(), key: z.string().regex(/^[0-9a-f]{64}$/) }).optional()
})

export type DoctorParams = z.output<typeof doctorParams>

export interface Examination {
  checks: NamedCheck[]
  /** Of a second canary, fetched from another mailserver; absent when none was named. */
  through?: Omit<NamedCheck, 'name'> | undefined
}

export type Doctor = (params: DoctorParams, options: { signal: AbortSignal }) => Promise<Examination>

/** Of a running node. Throws `ValueError` for what names no peer. */
export function doctorOf(overview: Overview, node: Pick<OverviewNodeInit, 'config' | 'node' | 'requestKey'>): Doctor {
  return async ({ through }, { signal }) => {
    const other = through && { address: parsePeerAddress(through.server), requestKey: fromHex(through.key) }
    const checks = await overview.examine(signal)
    if (other === undefined) return { checks }
    const { passed, reason } = await sendCanary(node, other, signal)
    return { checks, through: { status: passed ? 'ok' : 'failed', reason } }
  }
}

export interface DoctorOfflineParts {
  archive: Archive
  /** The data dir. */
  folder: string
  /** Envelopes that turned out to be lost since it was opened, at least; undefined when nothing did. */
  lost: () => number | undefined
}

/** Of a data dir that no node runs on: what can be said then, and that none runs. */
export function doctorOffline({ archive, folder, lost }: DoctorOfflineParts): Doctor {
  return async (_, { signal }) => {
    const checks: Array<[NamedCheck['name'], Check]> = [
      ['archive_reads', archiveReads(archive)],
      ['damage', damage(archive, lost, 'standard error has the times')],
      ['disk', disk(folder, () => [])],
      ['listeners', async () => failed('no node runs on this data dir: run "waku-mailserver start"')]
    ]
    return { checks: await Promise.all(checks.map(async ([name, check]) => ({ name, ...(await check(signal)) }))) }
  }
}
