import { checkRetention, type RetentionRules, type TopicRetention } from '../../archive/retention-rules.js'
import { parseByteSize } from './byte-size.js'
import { ConfigError } from './config.js'
import { durationWithin, isDuration, parseDuration } from './duration.js'
import { parseTopicChoice } from './topic-choice.js'
import { ValueError } from './value-error.js'

export const DEFAULT_RETENTION_SECONDS = 30 * 86_400
const MIN_BYTES = 1024 * 1024

const RANGE = { min: 1, max: 0xffffffff }

export const RETENTION = `${durationWithin(RANGE)}; or forever`
export const RETENTION_TOPIC =
  'a topic with an age, a size or both, such as news=7d, 0x1a2b3c4d=100MiB, chat=forever/1GiB (1s or more, 1MiB or more)'
export const RETENTION_BYTES = { min: MIN_BYTES, max: Number.MAX_SAFE_INTEGER }

/** What of the settings says how long envelopes are kept. */
export interface RetentionConfig {
  retention?: number | 'forever' | undefined
  'retention-size'?: number | undefined
  'retention-count'?: number | undefined
  'retention-topics'?: TopicRetention[] | undefined
  'archive-topics'?: { topic: Uint8Array }[] | undefined
}

/** Seconds. Throws `ValueError`. */
export function parseRetention(text: string): number | 'forever' {
  if (text.trim() === 'forever') return 'forever'
  try {
    return parseDuration(text, RANGE)
  } catch {
    throw new ValueError(RETENTION, text)
  }
}

/** `news=7d`, `0x1a2b3c4d=100MiB`, `chat=forever/1GiB`. Throws `ValueError`. */
export function parseTopicRetention(text: string): TopicRetention {
  const at = text.lastIndexOf('=')
  const parts = text
    .slice(at + 1)
    .split('/')
    .map(part => part.trim())
  try {
    const { topic } = parseTopicChoice(text.slice(0, Math.max(0, at)))
    const ages = parts.filter(part => part === 'forever' || isDuration(part))
    const sizes = parts.filter(part => !ages.includes(part))
    const [age, size] = [ages[0], sizes[0]]
    if (at <= 0 || ages.length > 1 || sizes.length > 1) throw new ValueError(RETENTION_TOPIC, text)
    const seconds = age === undefined ? undefined : parseRetention(age)
    return {
      topic,
      seconds: seconds === 'forever' ? Number.POSITIVE_INFINITY : seconds,
      bytes: size === undefined ? undefined : parseByteSize(size, RETENTION_BYTES)
    }
  } catch {
    throw new ValueError(RETENTION_TOPIC, text)
  }
}

/**
 * The rules that the settings make together.
 * @throws ConfigError when they contradict each other
 */
export function retentionRules(config: RetentionConfig): RetentionRules {
  const age = config.retention ?? DEFAULT_RETENTION_SECONDS
  const rules: RetentionRules = {
    seconds: age === 'forever' ? undefined : age,
    bytes: config['retention-size'],
    envelopes: config['retention-count'],
    topics: config['retention-topics']
  }
  try {
    return checkRetention(
      rules,
      config['archive-topics']?.map(({ topic }) => topic)
    )
  } catch (cause) {
    throw new ConfigError(`--retention-topics: ${(cause as Error).message}`, { cause })
  }
}
