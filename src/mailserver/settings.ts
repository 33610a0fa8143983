import { checkRetention, type RetentionRules } from '../archive/retention-rules.js'
import * as FIGURES from '../limits/figures.js'
import type { Network } from '../waku/packet-channel.js'
import { checkBytes, checkTopics, describe } from '../wire/checks.js'
import type { AnsweredRequest } from './answered-request.js'
import { MailserverInitError } from './errors.js'
import type { RequestForwarder } from './request-forwarder.js'
import type { RequestPolicyInit } from './request-policy.js'
import type { AppendMeasure } from './topic-store.js'

/** How the mailserver behaves. Every field may be left out. */
export interface MailserverInit {
  /**
   * Archive these topics only, 4 bytes each; others are relayed and not kept.
   *
   * @default all topics
   */
  archiveTopics?: Uint8Array[] | undefined
  /**
   * How long envelopes are kept: seconds, counted from an envelope's `sent`, or rules. What they delete at once is refused.
   *
   * @default for ever
   */
  retention?: number | RetentionRules | undefined
  /**
   * secp256k1 private key, 32 bytes, that requests of devp2p clients may be sealed to, beside the symmetric keys.
   *
   * @default none
   */
  requestPrivateKey?: Uint8Array | undefined
  /**
   * Where requests go that no key here opens.
   *
   * @default they are refused
   */
  forward?: RequestForwarder | undefined
  /** Told of every append to the archive: what it failed by, or nothing, and how much it was. */
  onStored?: ((error?: Error, append?: AppendMeasure) => void) | undefined
  /** Told what became of each request. It must not throw, and not take long. */
  onAnswered?: ((answered: AnsweredRequest) => void) | undefined
  /** What is asked of requests, by network. */
  policies?: Partial<Record<Network, RequestPolicyInit | undefined>> | undefined
  /**
   * Most envelopes of a page; what a request asks beyond is clamped, or refused where its form says so.
   *
   * @default 1000
   */
  maxLimit?: number | undefined
  /**
   * Most bytes of the 0x7f bodies of a page.
   *
   * @default 1048576
   */
  pageBytes?: number | undefined
  /**
   * Reads of the archive at a time.
   *
   * @default 4
   */
  concurrency?: number | undefined
  /**
   * Requests under way at a time, waiting for their turn or for a slow reader; more are told to try later.
   *
   * @default 256
   */
  maxRequests?: number | undefined
  /**
   * The same for one peer.
   *
   * @default 8
   */
  maxRequestsPerPeer?: number | undefined
  /**
   * Ids of served requests that are remembered until they are too old to be taken again.
   *
   * @default 262144
   */
  rememberedRequests?: number | undefined
  /**
   * How long stopping waits for requests that are under way, in ms.
   *
   * @default 5000
   */
  stopTimeout?: number | undefined
  /**
   * How often the archive notes that somebody was there, in seconds; longer absences are told to requesters.
   *
   * @default 30
   */
  attendanceInterval?: number | undefined
  /**
   * The clock: Unix time in seconds.
   *
   * @default the system's
   */
  now?: (() => number) | undefined
}

type Numbers =
  | 'maxLimit'
  | 'pageBytes'
  | 'concurrency'
  | 'maxRequests'
  | 'maxRequestsPerPeer'
  | 'rememberedRequests'
  | 'stopTimeout'
  | 'attendanceInterval'
export type MailserverSettings = { [K in Numbers]: number } & { now: () => number }

export const DEFAULTS: MailserverSettings = {
  maxLimit: FIGURES.page.envelopes,
  pageBytes: FIGURES.page.bytes,
  concurrency: FIGURES.request.reading,
  maxRequests: FIGURES.request.max,
  maxRequestsPerPeer: FIGURES.request.maxPerPeer,
  rememberedRequests: FIGURES.request.remembered,
  stopTimeout: FIGURES.request.stop,
  attendanceInterval: 30,
  now: () => Math.floor(Date.now() / 1000)
}

/** @throws {MailserverInitError} */
export function settle(init: MailserverInit): MailserverSettings {
  const settings = { ...DEFAULTS }
  for (const name of Object.keys(DEFAULTS) as Array<keyof MailserverSettings>) {
    if (name === 'now') continue
    const value = init[name]
    if (value === undefined) continue
    if (!Number.isSafeInteger(value) || value < (name === 'stopTimeout' ? 0 : 1)) {
      throw new MailserverInitError(`${name} is an integer of 1 or more, not ${describe(value)}`)
    }
    settings[name] = value
  }
  for (const name of ['now', 'onStored', 'onAnswered'] as const) {
    if (init[name] !== undefined && typeof init[name] !== 'function')
      throw new MailserverInitError(`${name} is a function, not ${describe(init[name])}`)
  }
  if (init.now !== undefined) settings.now = init.now
  if (init.requestPrivateKey !== undefined) {
    checkBytes(init.requestPrivateKey, 'requestPrivateKey', MailserverInitError, 32)
  }
  if (init.archiveTopics !== undefined) checkTopics(init.archiveTopics, MailserverInitError)
  try {
    checkRetention(init.retention ?? {}, init.archiveTopics)
  } catch (cause) {
    throw new MailserverInitError((cause as Error).message, { cause })
  }
  return settings
}
