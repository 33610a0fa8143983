import type { Envelope } from '../wire/envelope/envelope.js'
import { topicFromName, topicNumber } from '../wire/envelope/topic.js'
import { type CheckResult, failed, ok, unknown } from './check.js'

/** Of canaries, unless the archive is for other topics only. */
export const CANARY_TOPIC = topicFromName('waku-mailserver canary')
const CANARY_NUMBER = topicNumber(CANARY_TOPIC)

/** Whether an envelope is one that others sent. */
export function isTraffic({ topicNumber }: Pick<Envelope, 'topicNumber'>): boolean {
  return topicNumber !== CANARY_NUMBER
}

/** What one run found. */
export interface CanaryResult {
  passed: boolean
  /** Unix seconds. */
  at: number
  /** From the post to the envelope that came back, without the time to live; absent when none did. */
  seconds?: number | undefined
  /** What was done, or what failed. */
  reason: string
}

/** The last runs of the canary, and how many there were. */
export class CanaryRecord {
  readonly counts = { passed: 0, failed: 0 }
  last: CanaryResult | undefined
  lastPassed: CanaryResult | undefined

  /** @param enabled whether the node sends one out by itself */
  constructor(readonly enabled: boolean) {}

  note(result: CanaryResult): void {
    this.counts[result.passed ? 'passed' : 'failed']++
    this.last = result
    if (result.passed) this.lastPassed = result
  }

  readonly check = async (): Promise<CheckResult> => {
    const { last } = this
    if (last !== undefined) return last.passed ? ok(last.reason) : failed(last.reason)
    return unknown(this.enabled ? 'none has come back yet' : 'none was sent: start with --canary 5m, or run "doctor"')
  }
}
