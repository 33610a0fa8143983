import type { AnsweredRequest } from '../mailserver/answered-request.js'

/** A request that was not answered, without who asked or for what. */
export interface FailedRequest {
  /** Unix seconds. */
  at: number
  network: AnsweredRequest['network']
  dialect: AnsweredRequest['dialect']
  outcome: AnsweredRequest['outcome']
  reason: string | undefined
}

const MOST = 50

/** The last requests that failed, newest first. */
export class RecentFailures {
  readonly list: FailedRequest[] = []

  answered({ network, dialect, outcome, reason }: AnsweredRequest): void {
    if (outcome === 'delivered' || outcome === 'forwarded') return
    this.list.unshift({ at: Math.floor(Date.now() / 1000), network, dialect, outcome, reason })
    if (this.list.length > MOST) this.list.pop()
  }
}
