import { parseTopic } from '../../wire/envelope/topic.js'
import { ValueError } from './value-error.js'

/** A topic as the user chose it; a name is also the password of the public channel of that name. */
export interface TopicChoice {
  /** 4 bytes. */
  readonly topic: Uint8Array
  readonly name?: string | undefined
}

export const TOPIC = 'a topic: a name, or 0x and 8 hex digits'

/** Reads `0x1a2b3c4d`, or a name that stands for the first 4 bytes of its Keccak-256; blanks around it do not count. Throws `ValueError`. */
export function parseTopicChoice(text: string): TopicChoice {
  const name = text.trim()
  try {
    const topic = parseTopic(name)
    return /^0x[0-9a-f]{8}$/i.test(name) ? { topic } : { topic, name }
  } catch {
    throw new ValueError(TOPIC, text)
  }
}
