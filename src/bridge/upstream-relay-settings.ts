import * as FIGURES from '../limits/figures.js'

/** The bounds of the upstream relay. Every field may be left out. */
export interface UpstreamRelayInit {
  /**
   * How long a requester waits for the first packet of an upstream, in ms, counted from its request.
   *
   * @default 4000
   */
  firstTimeout?: number | undefined
  /**
   * How long it waits for the completion, in ms, counted from its request.
   *
   * @default 8000
   */
  overallTimeout?: number | undefined
  /**
   * How long one upstream may take to be connected, in ms, before the next is tried; no more than half of
   * `firstTimeout`, divided among all but the last.
   *
   * @default 2000
   */
  dialTimeout?: number | undefined
  /**
   * Most bytes of 0x7f bodies of one answer.
   *
   * @default 67108864
   */
  maxAnswerBytes?: number | undefined
  /**
   * Most envelopes of one answer.
   *
   * @default 100000
   */
  maxAnswerEnvelopes?: number | undefined
  /**
   * Bytes that one requester may have forwarded at once; used up, they come back within an hour.
   *
   * @default 268435456
   */
  peerBytesPerHour?: number | undefined
  /**
   * Requests that may be forwarded or wait for it at a time.
   *
   * @default 64
   */
  maxRequests?: number | undefined
  /**
   * The same for one requester.
   *
   * @default 4
   */
  maxRequestsPerPeer?: number | undefined
  /**
   * How long a requester that takes an answer slowly may keep an upstream from others that wait for it, in ms.
   *
   * @default 50
   */
  requesterPatience?: number | undefined
  /**
   * Bytes of answers that requesters did not take yet, of all of them; none has more than its address leaves to others.
   *
   * @default 50331648
   */
  aheadBytes?: number | undefined
  /**
   * How long an upstream that failed is asked after the others, in ms.
   *
   * @default 30000
   */
  failurePause?: number | undefined
}

export type UpstreamRelaySettings = { [K in keyof UpstreamRelayInit]-?: number }

const { within, answer, allowance, requests, requestsPerPeer, slow, ahead, failure } = FIGURES.upstream

const DEFAULTS: UpstreamRelaySettings = {
  firstTimeout: within.first,
  overallTimeout: within.all,
  dialTimeout: within.dial,
  maxAnswerBytes: answer.bytes,
  maxAnswerEnvelopes: answer.envelopes,
  peerBytesPerHour: allowance.bytes,
  maxRequests: requests,
  maxRequestsPerPeer: requestsPerPeer,
  requesterPatience: slow.patience,
  aheadBytes: ahead.bytes,
  failurePause: failure
}

export function settle(init: UpstreamRelayInit): UpstreamRelaySettings {
  const given = Object.fromEntries(Object.entries(init).filter(([, value]) => value !== undefined))
  return { ...DEFAULTS, ...given }
}
