import { isUint32, toHex } from '../wire/bytes.js'
import { checkBoolean, describe } from '../wire/checks.js'
import { isFullBloom } from '../wire/envelope/bloom.js'
import { topicNumber } from '../wire/envelope/topic.js'
import { keccak256 } from '../wire/keccak.js'
import { checkOptions } from '../wire/options.js'
import type { StatusOptions } from '../wire/packet/status.js'
import { MAX_REQUEST_TOPICS } from '../wire/request/history-request.js'
import { coverTopics } from './cover.js'
import { MessagesQueryError } from './errors.js'
import type { Identity } from './identity.js'
import { type KeyChoice, topicOf } from './key-choice.js'
import { type Lane, lanesOf, type Split } from './lane.js'
import { type Opener, symmetricOpener } from './opener.js'
import { partitionTopic } from './recipient.js'
import type { Server } from './server.js'

/** A topic with the key that opens it. */
export interface TopicChoice {
  topic: string | Uint8Array
  /** The symmetric key, 32 bytes, or the password that it is made of. */
  key: string | Uint8Array
}

/** Which messages are wanted. */
export interface MessagesQuery {
  /** Names, `0x` and 8 digits, or 4 bytes each; those with a key of their own as `{ topic, key }`. */
  topics?: ReadonlyArray<string | Uint8Array | TopicChoice> | undefined
  /**
   * Also what is sealed for the mailbox's identity.
   *
   * @default false
   */
  inbox?: boolean | undefined
  /**
   * The oldest that is wanted, when it was sent: a Date, or Unix seconds. What was shown before is not shown again. Where it is named,
   * what servers never had of that time counts as missing.
   *
   * @default 30 days ago, or as far back as servers go
   */
  since?: Date | number | undefined
  /**
   * The symmetric key of all topics, 32 bytes, or the password that it is made of.
   *
   * @default for each topic that of the public channel of its name
   */
  key?: string | Uint8Array | undefined
  /**
   * Each reader goes on where it stopped, and two at a time have to have different names. `false`: it remembers nothing, and begins with
   * `since` every time.
   *
   * @default 'default'
   */
  reader?: string | false | undefined
  /**
   * Whether servers are compared before it says that it caught up.
   *
   * @default the mailbox's
   */
  verified?: boolean | undefined
  /**
   * Ask for so many topics more than are wanted, 0 to 999, so that servers do not know which are. They are topics that others use, the
   * partitions of 10/WAKU2-USAGE, and stay the same for this reader. Where topics are split each server is asked for so many more.
   *
   * @default 0
   */
  widen?: number | undefined
  /**
   * Ask each server for a part of the topics only, always the same one, so that none knows all of them; when servers are compared, two know
   * each. Of a server that cannot be read the topics `stay` missing, and are fetched once it is back; or they `move`: another server
   * is asked for them, also for what the first one says that it lacks, and from then on knows them beside its own.
   *
   * @default every server is asked for all topics
   */
  split?: Split | undefined
  /** Ends it; what it was aborted with is thrown. */
  signal?: AbortSignal | undefined
}

/** The same, settled. */
export interface MessagesPlan {
  /** Unix seconds. */
  since: number
  /** Whether it was named: then all of the time since is wanted. */
  sinceNamed: boolean
  /** What servers are asked for, 4 bytes each. */
  topics: Uint8Array[]
  lanes: Lane[]
  /** Whether it is to be told how much servers do not know. */
  hides: boolean
  /** By topic number. */
  openers: Map<number, Opener[]>
  /** Hexadecimal digits that tell this reader from others; absent when it remembers nothing. */
  reader: string | undefined
  verified: boolean
  signal: AbortSignal | undefined
}

export interface PlanParts {
  keys: KeyChoice
  servers: readonly Server[]
  /** What the node announces to every peer. */
  status: StatusOptions
  /** What opens the inbox, when there is one. */
  identity: Identity | undefined
  verified: boolean
  /** Unix seconds. */
  now: number
  /** 16 bytes or more, the same for ever, that nobody else knows: topics beside the wanted ones are chosen by it. */
  seed(): Promise<Uint8Array>
}

const NAMES = {
  ...{ topics: 1, inbox: 1, since: 1, key: 1, reader: 1, verified: 1, widen: 1, split: 1, signal: 1 }
} satisfies Record<keyof MessagesQuery, 1>

const DEFAULT_SINCE = 30 * 86_400

/** @throws {MessagesQueryError} */
export async function planMessages(query: MessagesQuery, parts: PlanParts): Promise<MessagesPlan> {
  checkOptions(query, 'what messages are asked for by', NAMES, MessagesQueryError)
  const { topics = [], inbox = false, reader = 'default', widen = 0, split } = query
  if (!Array.isArray(topics)) throw new MessagesQueryError(`topics are an array, not ${describe(topics)}`)
  if (topics.length === 0 && !inbox) throw new MessagesQueryError('no topic is named, and no inbox asked for')
  if (reader !== false && (typeof reader !== 'string' || reader === ''))
    throw new MessagesQueryError('a reader is a name, or false')
  checkBoolean(inbox, 'inbox', MessagesQueryError)
  checkBoolean(query.verified ?? parts.verified, 'verified', MessagesQueryError)
  if (!Number.isInteger(widen) || widen < 0) throw new MessagesQueryError('widen is a number of topics, 0 or more')
  if (split !== undefined && split !== 'stay' && split !== 'move')
    throw new MessagesQueryError("split is 'stay' or 'move'")
  const hides = widen > 0 || split !== undefined
  if (hides && announcesTopics(parts.status)) {
    throw new MessagesQueryError('the node announces the topics that it wants to every peer: leave them out of waku()')
  }
  const openers = new Map<number, Opener[]>()
  const wanted = new Map<number, Uint8Array>()
  // with another key it is another reader: what the first one could not open is new to it
  const marks: string[] = [`${reader}`, `${widen}`]
  const add = (topic: Uint8Array, opener: Opener, mark: Uint8Array): void => {
    const number = topicNumber(topic)
    marks.push(`${number}:${toHex(keccak256(mark))}`)
    wanted.set(number, topic)
    openers.set(number, [...(openers.get(number) ?? []), opener])
  }
  for (const choice of topics) {
    const { topic, key } = isChoice(choice) ? choice : { topic: choice, key: query.key }
    const bytes = topicOf(topic, MessagesQueryError)
    const name = typeof topic === 'string' ? topic : `0x${toHex(topic)}`
    const symmetric = await parts.keys.keyOf(topic, key, MessagesQueryError)
    add(bytes, symmetricOpener(name, symmetric), symmetric)
  }
  if (inbox) {
    const { identity } = parts
    if (identity === undefined) {
      throw new MessagesQueryError('there is no inbox: the node has no secp256k1 key, and the mailbox no identity')
    }
    const { inboxOpener } = await import('./inbox-opener.js')
    add(partitionTopic(identity.publicKey), inboxOpener(identity.privateKey), identity.publicKey)
  }
  const id = marks.sort().join()
  const verified = query.verified ?? parts.verified
  const lanes = await lanesOf({
    wanted,
    servers: parts.servers,
    split,
    verified,
    seed: parts.seed,
    cover: async (name, taken) =>
      widen === 0 ? [] : coverTopics(widen, taken, await parts.seed(), name === '' ? id : `${id} ${name}`)
  })
  if (lanes.some(lane => lane.topics.length > MAX_REQUEST_TOPICS))
    throw new MessagesQueryError(`servers are asked for at most ${MAX_REQUEST_TOPICS} topics`)
  return {
    since: sinceOf(query.since, parts.now),
    sinceNamed: query.since !== undefined,
    topics: lanes.flatMap(lane => lane.topics),
    lanes,
    hides,
    openers,
    reader: reader === false ? undefined : toHex(keccak256(new TextEncoder().encode(id)).subarray(0, 8)),
    verified,
    signal: query.signal
  }
}

const announcesTopics = ({ topics, bloom }: StatusOptions): boolean =>
  topics !== undefined || (bloom !== undefined && !isFullBloom(bloom))

function isChoice(choice: unknown): choice is TopicChoice {
  return choice !== null && typeof choice === 'object' && 'topic' in choice
}

function sinceOf(since: unknown, now: number): number {
  const seconds =
    since instanceof Date ? Math.floor(since.getTime() / 1000) : (since ?? Math.max(0, Math.floor(now) - DEFAULT_SINCE))
  if (typeof seconds === 'number' && isUint32(seconds)) return seconds
  throw new MessagesQueryError(`since is a Date or a number of Unix seconds, not ${describe(since)}`)
}
