import { toHex } from '../wire/bytes.js'
import { checkNames, checkTopics, describe } from '../wire/checks.js'
import { topicNumber } from '../wire/envelope/topic.js'
import { RetentionRulesError } from './errors.js'

/** How long the envelopes of one topic are kept. At least one of the two. */
export interface TopicRetention {
  /** 4 bytes. */
  topic: Uint8Array
  /** Seconds, counted from an envelope's `sent`, in place of the general ones; `Infinity` for ever. */
  seconds?: number | undefined
  /** Most bytes of envelopes, 1 MiB or more; beyond that the oldest go. */
  bytes?: number | undefined
}

/**
 * How long envelopes are kept: until the first of these is reached, the oldest first. What a topic has for itself goes first; the
 * totals hold for everything.
 */
export interface RetentionRules {
  /** Seconds, counted from an envelope's `sent`; for ever when absent. */
  seconds?: number | undefined
  /** Most bytes of envelopes altogether, 1 MiB or more. An archive on LevelDB takes about 1.4 times that on disk. */
  bytes?: number | undefined
  /** Most envelopes altogether. */
  envelopes?: number | undefined
  /** At most 1000. */
  topics?: readonly TopicRetention[] | undefined
}

/** What holds less could be empty after one large envelope. */
const MIN_BYTES = 1024 * 1024
const MAX_TOPICS = 1000

/**
 * @param retention - an age, or all rules
 * @param archived - the topics that are archived; all when absent
 * @throws RetentionRulesError when they contradict each other, or would leave nothing
 */
export function checkRetention(
  retention: number | RetentionRules,
  archived?: readonly Uint8Array[] | undefined
): RetentionRules {
  if (typeof retention !== 'number' && (typeof retention !== 'object' || retention === null))
    throw new RetentionRulesError(`retention is a number of seconds or rules, not ${describe(retention)}`)
  const rules = typeof retention === 'number' ? { seconds: retention } : retention
  checkNames(rules, 'retention', 'seconds bytes envelopes topics', RetentionRulesError)
  const { seconds, bytes, envelopes, topics = [] } = rules
  checkAge(seconds, 'retention')
  checkBytes(bytes, 'retention')
  if (envelopes !== undefined && !(Number.isSafeInteger(envelopes) && envelopes >= 1))
    throw new RetentionRulesError('retention by count is an integer of 1 or more: else nothing would be kept')
  if (topics.length > MAX_TOPICS)
    throw new RetentionRulesError(`at most ${MAX_TOPICS} topics have a retention of their own`)
  checkTopics(
    topics.map(({ topic }) => topic),
    RetentionRulesError
  )
  const seen = new Set<number>()
  for (const { topic, ...own } of topics) {
    const name = `the retention of topic 0x${toHex(topic)}`
    checkNames(own, name, 'seconds bytes', RetentionRulesError)
    if (own.seconds === undefined && own.bytes === undefined)
      throw new RetentionRulesError(`${name} says neither an age nor a size`)
    checkAge(own.seconds, name)
    checkBytes(own.bytes, name)
    if (seen.has(topicNumber(topic))) throw new RetentionRulesError(`${name} is said twice`)
    seen.add(topicNumber(topic))
    if (own.bytes !== undefined && bytes !== undefined && own.bytes > bytes)
      throw new RetentionRulesError(
        `${name} is ${own.bytes} bytes, and that of everything only ${bytes}: it is never reached`
      )
    if (archived !== undefined && !archived.some(other => topicNumber(other) === topicNumber(topic)))
      throw new RetentionRulesError(`${name} means nothing: that topic is not archived`)
  }
  return rules
}

/** By what ages alone say: the oldest `sent` of a topic that is kept at a time. What lies before it is deleted. */
export function ageFloor({ seconds, topics }: RetentionRules): (topic: number, now: number) => number {
  const own = new Map<number, number>()
  for (const { topic, seconds } of topics ?? []) if (seconds !== undefined) own.set(topicNumber(topic), seconds)
  const general = seconds ?? Number.POSITIVE_INFINITY
  return (topic, now) => Math.max(0, Math.floor(now - (own.get(topic) ?? general)))
}

function checkAge(seconds: number | undefined, name: string): void {
  if (seconds !== undefined && !(seconds > 0))
    throw new RetentionRulesError(`${name} by age is above 0: else nothing would be kept`)
}

function checkBytes(bytes: number | undefined, name: string): void {
  if (bytes !== undefined && !(Number.isSafeInteger(bytes) && bytes >= MIN_BYTES))
    throw new RetentionRulesError(
      `${name} by size is ${MIN_BYTES} bytes or more: one envelope may have as much, and nothing else would be kept`
    )
}
