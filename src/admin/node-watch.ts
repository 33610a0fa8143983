import { statfs } from 'node:fs/promises'
import { type IntervalHistogram, monitorEventLoopDelay } from 'node:perf_hooks'
import type { Libp2p } from '@libp2p/interface'
import type { Archive } from '../archive/archive.js'
import type { Keyring } from '../mailserver/keyring.js'
import type { TrustList } from '../trust/trust-list.js'
import type { WakuNode } from '../waku/waku-node.js'
import type { CanaryRecord } from './canary-record.js'
import type { Health } from './health.js'
import type { Snapshot } from './snapshot.js'

export interface WatchedNode {
  waku: Pick<WakuNode, 'peers' | 'limits' | 'counters'>
  archive: Archive
  trust: TrustList
  keys: Keyring
  libp2p: Pick<Libp2p, 'getConnections'>
  /** The folder whose disk fills up. */
  folder: string
  counts: () => Pick<Snapshot, 'mailserver' | 'mailclient' | 'devp2p' | 'upstreamRelay'>
  adminConnections: () => number
  /** When an envelope was stored last, Unix seconds. */
  lastStored: () => number | undefined
  health: Health
  canary: CanaryRecord
}

const RESOLUTION_MS = 20
const INTERVAL_MS = 10_000
const NANO = 1e9

/** Looks at a running node. */
export class NodeWatch {
  readonly #node: WatchedNode
  readonly #delay: IntervalHistogram = monitorEventLoopDelay({ resolution: RESOLUTION_MS })
  readonly #started = unixNow()
  #timer: ReturnType<typeof setInterval> | undefined
  #loop: Snapshot['loop'] = { median: 0, p99: 0, max: 0 }

  constructor(node: WatchedNode) {
    this.#node = node
  }

  start(): void {
    this.#delay.enable()
    this.#timer = setInterval(() => this.#readDelay(), INTERVAL_MS)
    this.#timer.unref()
  }

  stop(): void {
    clearInterval(this.#timer)
    this.#delay.disable()
  }

  async snapshot(): Promise<Snapshot> {
    const { waku, archive, trust, keys, libp2p, folder, counts, adminConnections } = this.#node
    const { lastStored, health, canary } = this.#node
    const [stats, disk] = await Promise.all([archive.stats(), roomOf(folder)])
    const { rss, heapUsed: heap, external } = process.memoryUsage()
    const { user, system } = process.cpuUsage()
    const peers = { libp2p: 0, devp2p: 0 }
    for (const { network } of waku.peers()) peers[network]++
    return {
      now: unixNow(),
      started: this.#started,
      archive: stats,
      lastStored: lastStored(),
      peers,
      connections: libp2p.getConnections().length,
      trusted: trust.list().length,
      keys: keys.list().length,
      disk,
      memory: { rss, heap, external },
      cpu: (user + system) / 1e6,
      loop: this.#loop,
      queues: {
        messages: waku.limits.packets.waiting,
        others: waku.limits.others.waiting,
        pool: waku.limits.pool.waiting
      },
      adminConnections: adminConnections(),
      health: health.known,
      canary: { ...canary.counts, lastPassed: canary.lastPassed?.at, seconds: canary.lastPassed?.seconds },
      waku: waku.counters.snapshot(),
      limits: waku.limits.counts.snapshot(),
      ...counts()
    }
  }

  /** What is later than the timer's own resolution. */
  #readDelay(): void {
    const late = (nanos: number): number => Math.max(0, nanos / NANO - RESOLUTION_MS / 1000) || 0
    const { max } = this.#delay
    this.#loop = { median: late(this.#delay.percentile(50)), p99: late(this.#delay.percentile(99)), max: late(max) }
    this.#delay.reset()
  }
}

async function roomOf(folder: string): Promise<Snapshot['disk']> {
  try {
    const { bsize, bavail, blocks } = await statfs(folder)
    return { free: bsize * bavail, size: bsize * blocks }
  } catch {
    return undefined // some file systems cannot say
  }
}

function unixNow(): number {
  return Math.floor(Date.now() / 1000)
}
