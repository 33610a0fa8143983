import type { PeerTarget } from '../base/peer-target.js'
import type { Network } from '../waku/packet-channel.js'
import { checkBoolean, checkBytes, checkString, describe } from '../wire/checks.js'
import { nearest } from '../wire/nearest.js'
import type { Dialect } from '../wire/request/history-request.js'
import { MailboxInitError } from './errors.js'

/** A mailserver with what is different about it. */
export interface MailboxServer {
  /** A PeerId, or a multiaddr that ends in `/p2p/<peer id>`. */
  peer: PeerTarget
  /** In place of the mailbox's. */
  password?: string | undefined
  /** In place of a password: the symmetric key that it stands for, 32 bytes. */
  requestKey?: Uint8Array | undefined
  /**
   * How to reach it.
   *
   * @default libp2p when there is a choice
   */
  network?: Network | undefined
  /**
   * The form of requests, for legacy servers.
   *
   * @default what is usual at such a server
   */
  dialect?: Dialect | undefined
}

/** How the mailbox behaves. Only `servers`, and how they open requests, have to be said. */
export interface MailboxInit {
  /**
   * The mailservers that are trusted, 1 to 16: to be named here is to be put on the trust list, unless it says something of them already.
   */
  servers: ReadonlyArray<PeerTarget | MailboxServer>
  /** What the servers open requests with. */
  password?: string | undefined
  /** In place of a password: the symmetric key that it stands for, 32 bytes. */
  requestKey?: Uint8Array | undefined
  /**
   * secp256k1 private key, 32 bytes: opens what is sent `to` us.
   *
   * @default that of the node, when it is one
   */
  identity?: Uint8Array | undefined
  /**
   * How many servers have to confirm a letter, 1 up to all of them.
   *
   * @default 1
   */
  confirmations?: number | undefined
  /**
   * Whether `messages` compares the servers with each other before it says that it caught up.
   *
   * @default false
   */
  verified?: boolean | undefined
  /**
   * Most letters that wait in the outbox.
   *
   * @default 1000
   */
  maxLetters?: number | undefined
  /**
   * Most bytes of letters that wait in the outbox.
   *
   * @default 16777216
   */
  maxOutboxBytes?: number | undefined
  /**
   * How many envelopes each reader remembers, so that none is shown twice. Of what is older only the server that it was read from can
   * say what is new.
   *
   * @default 200000
   */
  remembered?: number | undefined
  /**
   * How often servers are asked for what was missed though the connection held, in ms.
   *
   * @default 300000
   */
  interval?: number | undefined
  /**
   * Pause before the first new attempt to reach a server or to read from it, in ms; it doubles with each further one, up to a minute.
   *
   * @default 500
   */
  backoff?: number | undefined
  /**
   * The clock: Unix time in seconds.
   *
   * @default the system's
   */
  now?: (() => number) | undefined
}

/** What the mailbox does where its owner said nothing. */
export type MailboxSettings = {
  [K in Exclude<keyof MailboxInit, 'servers' | 'password' | 'requestKey' | 'identity'>]-?: Exclude<
    MailboxInit[K],
    undefined
  >
}

const SERVER_NAMES = ['peer', 'password', 'requestKey', 'network', 'dialect']
export const MAX_SERVERS = 16
/** Between attempts at what failed, ms. */
export const LONGEST_PAUSE = 60_000

/** @throws {MailboxInitError} */
export function settle(init: MailboxInit): MailboxSettings {
  if (!Array.isArray(init?.servers) || init.servers.length === 0 || init.servers.length > MAX_SERVERS) {
    throw new MailboxInitError(`servers are a list of 1 to ${MAX_SERVERS} mailservers, not ${describe(init?.servers)}`)
  }
  checkOpening(init)
  if (init.identity !== undefined) checkBytes(init.identity, 'identity', MailboxInitError, 32)
  const { confirmations = 1, verified = false } = init
  checkBoolean(verified, 'verified', MailboxInitError)
  if (!Number.isInteger(confirmations) || confirmations < 1 || confirmations > init.servers.length) {
    throw new MailboxInitError('confirmations are 1 up to the number of servers')
  }
  const count = (
    name: 'maxLetters' | 'maxOutboxBytes' | 'remembered' | 'interval' | 'backoff',
    usual: number
  ): number => {
    const value = init[name] ?? usual
    if (!Number.isSafeInteger(value) || value < 1) throw new MailboxInitError(`${name} is an integer of 1 or more`)
    return value
  }
  return {
    confirmations,
    verified,
    maxLetters: count('maxLetters', 1000),
    maxOutboxBytes: count('maxOutboxBytes', 16 * 1024 * 1024),
    remembered: count('remembered', 200_000),
    interval: count('interval', 300_000),
    backoff: count('backoff', 500),
    now: init.now ?? (() => Math.floor(Date.now() / 1000))
  }
}

/**
 * What an application keeps of its own with a mailserver may stand there; what looks like one of our names may not.
 *
 * @throws {MailboxInitError}
 */
export function checkServer(server: MailboxServer): void {
  for (const name of Object.keys(server)) {
    const meant = SERVER_NAMES.includes(name) ? undefined : nearest(name, SERVER_NAMES)
    if (meant !== undefined) throw new MailboxInitError(`a mailserver has no ${name}: did you mean ${meant}?`)
  }
  checkOpening(server)
}

/** @throws {MailboxInitError} */
function checkOpening({ password, requestKey }: Pick<MailboxServer, 'password' | 'requestKey'>): void {
  if (password !== undefined) checkString(password, 'password', MailboxInitError, { filled: true })
  if (requestKey !== undefined) checkBytes(requestKey, 'requestKey', MailboxInitError, 32)
}
