import * as FIGURES from '../limits/figures.js'
import { checkSettings } from '../wire/checks.js'
/** How the client asks. Every field may be left out. */
export interface MailClientInit {
  /**
   * secp256k1 private key, 32 bytes, that requests are signed with.
   *
   * @default unsigned
   */
  signWith?: Uint8Array | undefined
  /**
   * Proof of work of requests.
   *
   * @default 0.002
   */
  pow?: number | undefined
  /**
   * TTL of requests, in seconds, 1 to 300.
   *
   * @default 50
   */
  ttl?: number | undefined
  /**
   * How long to wait for a connection and a stream, in ms.
   *
   * @default 15000
   */
  dialTimeout?: number | undefined
  /**
   * How long to wait for the first packet of an answer, in ms.
   *
   * @default 20000
   */
  firstTimeout?: number | undefined
  /**
   * How long to wait for each further packet that holds an envelope, in ms.
   *
   * @default 20000
   */
  idleTimeout?: number | undefined
  /**
   * Old devp2p servers answer some forms without a completion: how long they are silent when they are through, in ms.
   *
   * @default 3000
   */
  quietTime?: number | undefined
  /**
   * How long one page may take in all, in ms.
   *
   * @default 120000
   */
  pageTimeout?: number | undefined
  /**
   * How often a page is asked for again after a broken line, a timeout (once at most) or a busy server.
   *
   * @default 3
   */
  retries?: number | undefined
  /**
   * How long a history under way tries to get its line back when the server cannot be reached, as while it is being
   * started again, in ms. A server that there was no line to yet is tried `retries` times.
   *
   * @default 120000
   */
  reconnectTimeout?: number | undefined
  /**
   * Pause before the first retry, in ms; it doubles with each further one, up to 10 s.
   *
   * @default 250
   */
  backoff?: number | undefined
  /**
   * Longest pause that a busy server can ask for, in ms.
   *
   * @default 30000
   */
  maxRetryAfter?: number | undefined
  /**
   * Most bytes of 0x7f bodies of one request.
   *
   * @default 67108864
   */
  maxRequestBytes?: number | undefined
  /**
   * Pages fetched ahead of the one that is being consumed, 1 or more. With 1, client and server take turns.
   *
   * @default 2
   */
  windowPages?: number | undefined
  /**
   * No further page is asked for while those fetched ahead hold this many bytes.
   *
   * @default 4194304
   */
  windowBytes?: number | undefined
  /**
   * The clock: Unix time in seconds.
   *
   * @default the system's
   */
  now?: (() => number) | undefined
}

type Optional = 'signWith'
export type MailClientSettings = {
  [K in Exclude<keyof MailClientInit, Optional>]-?: Exclude<MailClientInit[K], undefined>
} & Pick<MailClientInit, Optional>

export const DEFAULTS: Required<Omit<MailClientSettings, Optional>> = {
  pow: 0.002,
  ttl: FIGURES.asking.ttl,
  dialTimeout: FIGURES.asking.within.dial,
  firstTimeout: FIGURES.asking.within.first,
  idleTimeout: FIGURES.asking.within.between,
  quietTime: FIGURES.asking.within.quiet,
  pageTimeout: FIGURES.asking.within.page,
  retries: FIGURES.asking.retries.usual,
  reconnectTimeout: FIGURES.asking.reconnect,
  backoff: FIGURES.asking.pauses.first,
  maxRetryAfter: FIGURES.asking.pauses.longestTold,
  maxRequestBytes: FIGURES.asking.bytes,
  windowPages: FIGURES.asking.windowPages,
  windowBytes: FIGURES.asking.windowBytes,
  now: () => Math.floor(Date.now() / 1000)
}

/** @throws {TypeError} when one is of another type, NaN or negative */
export function settle(init: MailClientInit): MailClientSettings {
  checkSettings(init, DEFAULTS, TypeError)
  const given = Object.fromEntries(Object.entries(init).filter(([, value]) => value !== undefined))
  return { ...DEFAULTS, ...given }
}
