import { anySignal } from '../base/any-signal.js'
import { CanaryRecord, type CanaryResult } from './canary-record.js'
import type { NamedCheck } from './check.js'
import * as checks from './checks.js'
import { Health } from './health.js'
import { NodeWatch, type WatchedNode } from './node-watch.js'
import type { Recorder } from './recorder.js'
import { SAMPLE_INTERVAL } from './samples.js'
import type { Snapshot } from './snapshot.js'

const SECOND = 1000
const DAY = 86_400
/** How often it is looked whether all is well when nobody asks, seconds. */
const HEALTH_INTERVAL = 30

export interface OverviewParts extends Omit<WatchedNode, 'lastStored' | 'health' | 'canary'> {
  recorder: Recorder
  /** By network: whether all of it listens. */
  listening(): Record<string, boolean>
  upstreams: number
  /** How many of them can be asked. */
  probeUpstreams(signal: AbortSignal): Promise<number>
  /** Seconds between two canaries; none is sent without being asked for when absent. */
  canaryInterval: number | undefined
  sendCanary(signal: AbortSignal): Promise<CanaryResult>
  /** Stored envelopes that turned out to be lost since the start, at least; undefined when nothing did. */
  lost?: (() => number | undefined) | undefined
}

/** How a running node is: numbers now and lately, and whether it does its job. */
export class Overview {
  readonly recorder: Recorder
  readonly health: Health
  readonly canary: CanaryRecord
  readonly #parts: OverviewParts
  readonly #watch: NodeWatch
  readonly #stopping = new AbortController()
  #timers: Array<ReturnType<typeof setInterval>> = []
  #unwatch = (): void => {}
  #sending: Promise<CanaryResult> | undefined

  constructor(parts: OverviewParts) {
    const { recorder, archive, folder } = parts
    const { samples } = recorder
    const canary = new CanaryRecord(parts.canaryInterval !== undefined)
    const health = new Health({
      archive_reads: checks.archiveReads(archive),
      archive_writes: checks.archiveWrites(archive),
      damage: checks.damage(archive, parts.lost),
      disk: checks.disk(folder, () => samples.since(unixNow() - DAY)),
      listeners: checks.listeners(() => parts.listening()),
      upstreams: checks.upstreams(parts.upstreams, signal => parts.probeUpstreams(signal)),
      clock: checks.clock(archive, since => samples.since(since)),
      canary: canary.check
    })
    this.#parts = parts
    this.recorder = recorder
    this.canary = canary
    this.health = health
    this.#watch = new NodeWatch({ ...parts, lastStored: () => recorder.lastStored, health, canary })
  }

  start(): void {
    const { archive, recorder, canaryInterval } = this.#parts
    this.#unwatch = archive.watch({ appended: recorder.onAppended })
    this.#watch.start()
    this.#every(SAMPLE_INTERVAL, async () => void recorder.samples.add(await this.snapshot()))
    this.#every(HEALTH_INTERVAL, () => this.health.report())
    void this.health.report()
    if (canaryInterval !== undefined) this.#every(canaryInterval, () => this.sendCanary(this.#stopping.signal))
  }

  async stop(): Promise<void> {
    this.#stopping.abort(new Error('the node is stopping'))
    for (const timer of this.#timers) clearInterval(timer)
    this.#unwatch()
    this.#watch.stop()
    await this.#sending?.catch(() => {}) // it was told to stop
  }

  async snapshot(): Promise<Snapshot> {
    return await this.#watch.snapshot()
  }

  /** All checks as they are now, after a canary. */
  async examine(signal: AbortSignal): Promise<NamedCheck[]> {
    await this.sendCanary(signal)
    return await this.health.report({ fresh: true })
  }

  /** One at a time: whoever asks meanwhile is told what it finds. */
  async sendCanary(signal: AbortSignal): Promise<CanaryResult> {
    const either = anySignal([signal, this.#stopping.signal])
    this.#sending ??= this.#parts.sendCanary(either).finally(() => {
      this.#sending = undefined
    })
    const result = await this.#sending
    if (this.canary.last !== result) this.canary.note(result)
    return result
  }

  /** What fails there is told by health, not here. */
  #every(seconds: number, work: () => Promise<unknown>): void {
    const timer = setInterval(() => void work().catch(() => {}), seconds * SECOND)
    timer.unref()
    this.#timers.push(timer)
  }
}

function unixNow(): number {
  return Math.floor(Date.now() / SECOND)
}
