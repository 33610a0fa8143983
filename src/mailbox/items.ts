import type { PeerId } from '@libp2p/interface'
import type { Envelope } from '../wire/envelope/envelope.js'

/** A message, opened. */
export interface MailboxMessage {
  type: 'message'
  /** Hash of its envelope, 64 hexadecimal digits. A message that was sealed twice comes once, with one of them. */
  hash: string
  /** What it came in, for keeping it as it is. */
  envelope: Envelope
  /** As it was asked for: its name, or `0x` and 8 digits; of the inbox `inbox`. */
  topic: string
  payload: Uint8Array
  /** The payload as UTF-8. */
  readonly text: string
  /** When it was sent, by the clock of who sent it: Unix seconds. */
  sent: number
  /** Uncompressed public key (65 bytes) of who signed it. */
  signer?: Uint8Array | undefined
  /** It came from the archive of a mailserver. */
  historic: boolean
  /** This node posted it. */
  own: boolean
  /** Who it came from; absent when this node posted it. */
  peer?: PeerId | undefined
}

/** Why messages may be missing. */
export type MissingReason =
  /** older than the server keeps messages */
  | 'pruned'
  /** older than the server's archive */
  | 'not-begun'
  /** the server did not run */
  | 'down'
  /** the server ran and could not store */
  | 'unstored'
  /** the server had them, and its disk lost them */
  | 'damaged'
  /** the server does not keep such topics */
  | 'unarchived'
  /** every server refused to say */
  | 'refused'
  /** no server could be asked */
  | 'unreachable'
  /** a server said that it has them, and did not deliver them */
  | 'withheld'
  /** the server is a legacy one, and does not say */
  | 'unsaid'
  /** a reason that a newer server gives */
  | 'other'

/** A time of which messages may be missing. */
export interface Missing {
  why: MissingReason
  /** Unix seconds, both ends inclusive, by when messages were sent. */
  from: number
  until: number
  /** How many, at least, where that is known; with `unarchived` how many topics. */
  count?: number | undefined
  /**
   * How many, at most, where a server said so before it broke off: the same as `count` when its digest did, otherwise those of other topics
   * are counted too.
   */
  atMost?: number | undefined
  /** Which topics, where they are split over servers: as they were asked for. */
  topics?: string[] | undefined
}

/** What became of asking one server. */
export interface ServerReading {
  server: PeerId
  /** Everything it has was read; its digests were compared; it was asked and failed. */
  how: 'read' | 'compared' | 'failed'
  error?: Error | undefined
  /** How many envelopes it claimed to have and did not deliver. */
  withheld?: number | undefined
  /** Which topics it was asked for, where they are split over servers: as they were asked for. */
  topics?: string[] | undefined
}

/** What shows that a server left something out. */
export type Evidence =
  /** it was heard, or another server has it */
  | 'others'
  /** its own digest has it; when everything was read that it has, it was not there */
  | 'own-digest'
  /** it delivered it itself; its own digest does not have it */
  | 'own-walk'

/** Envelopes that a server left out. */
export interface LeftOut {
  /** Who left them out. */
  server: PeerId
  evidence: Evidence
  count: number
  /** The first 100 of them, 64 hexadecimal digits each; fewer where only their number is known. */
  hashes: string[]
  /** What the server itself says that explains it: it was down, it keeps nothing so old. */
  explained?: MissingReason | undefined
}

/** How much a server does not know, since it was asked for more topics than are wanted, or for some of those only. */
export interface Anonymity {
  server: PeerId
  /** Topics that it was asked for since this reader began. */
  asked: number
  /** Topics among them that are wanted. */
  wanted: number
  /** All topics that are wanted. */
  of: number
  /** How likely a topic that was asked for is a wanted one, to somebody who knows nothing else: 0 to 1. */
  chance: number
  /** Of how many sets of so many topics it might have been any, as bits. */
  bits: number
}

/** The seam: everything that the servers have was shown; what follows is live, until the next one. */
export interface CaughtUp {
  type: 'caughtUp'
  /** 1, 2, 3, …: once at first, and again after each time that something could have been missed. */
  wave: number
  /** Messages of this wave. */
  messages: number
  /**
   * Whether that is all: `complete`; or some are `irretrievable`, see `missing`; or that is `unknown`, since only legacy servers were asked, which
   * do not say.
   */
  completeness: 'complete' | 'irretrievable' | 'unknown'
  missing: Missing[]
  servers: ServerReading[]
  /** Where servers were compared: who lacks what others have, or what it has itself by its own word. */
  leftOut: LeftOut[]
  /** Envelopes that no key opened. */
  unopened: number
  /** Of each server that was asked, where topics are widened or split. */
  anonymity?: Anonymity[] | undefined
}

/** No server could be read to its end, where topics are split for some of them; it is being tried again. */
export interface Behind {
  type: 'behind'
  /** The wave that goes on. */
  wave: number
  /** Messages of this wave so far. */
  messages: number
  /** Missing and being fetched, or, when every server refused, not to be had. */
  completeness: 'fetching' | 'irretrievable'
  missing: Missing[]
  servers: ServerReading[]
  anonymity?: Anonymity[] | undefined
  /** ms until the next attempt; sooner when a server is reached. */
  retryIn: number
}

export type MailboxItem = MailboxMessage | CaughtUp | Behind
