import { checkBytes, type ErrorClass, isBytes } from '../wire/checks.js'
import { keyFromPassword } from '../wire/envelope/key.js'
import { parseTopic } from '../wire/envelope/topic.js'

/** Passwords whose keys are kept: each takes a tenth of a second to be derived. */
const KEPT = 64

/** Topics and keys as applications name them. */
export class KeyChoice {
  readonly #derived = new Map<string, Promise<Uint8Array>>()

  /** @param password - or the key itself, 32 bytes */
  async key(password: string | Uint8Array, ErrorOf: ErrorClass): Promise<Uint8Array> {
    if (typeof password !== 'string' || password === '') {
      checkBytes(password, 'a key', ErrorOf, 32)
      if ((password as Uint8Array).every(byte => byte === 0)) throw new ErrorOf('a key of zeros is no key')
      return password as Uint8Array
    }
    let key = this.#derived.get(password)
    if (key === undefined) {
      const [oldest] = this.#derived.keys()
      if (this.#derived.size >= KEPT && oldest !== undefined) this.#derived.delete(oldest)
      key = keyFromPassword(password)
      this.#derived.set(password, key)
    }
    return await key
  }

  /**
   * The key of a topic when none is named: by the convention of public channels that which the name is the password of, so that
   * everybody who knows the name reads along.
   */
  async keyOf(
    topic: string | Uint8Array,
    key: string | Uint8Array | undefined,
    ErrorOf: ErrorClass
  ): Promise<Uint8Array> {
    if (key !== undefined) return await this.key(key, ErrorOf)
    if (typeof topic === 'string' && !isDigits(topic)) return await this.key(topic, ErrorOf)
    throw new ErrorOf('a topic that is no name has no key of its own: name the key')
  }
}

/** @throws the error class */
export function topicOf(topic: unknown, ErrorOf: ErrorClass): Uint8Array {
  if (isBytes(topic)) {
    checkBytes(topic, 'a topic', ErrorOf, 4)
    return topic
  }
  try {
    return parseTopic(topic as string)
  } catch (cause) {
    throw new ErrorOf((cause as Error).message)
  }
}

export const isDigits = (topic: string): boolean => /^0x[0-9a-f]{8}$/i.test(topic)
