import { equalBytes, toHex } from '../wire/bytes.js'
import { encodeCursor } from '../wire/cursor.js'
import { decodeEnvelope, type Envelope } from '../wire/envelope.js'
import { MalformedError } from '../wire/errors.js'
import { keccak256 } from '../wire/keccak.js'
import { splitP2PMessage } from '../wire/p2p-message.js'
import type { RequestComplete } from '../wire/request-complete.js'
import type { RlpItem } from '../wire/rlp.js'
import { MisbehavingServerError } from './errors.js'
import { PageOrder, type Position } from './page-order.js'

/** What one request may bring. */
export interface PageRules {
  /** Bounds of `sent`, Unix seconds, inclusive. */
  lower: number
  upper: number
  /** Most envelopes. */
  limit: number
  /** Most bytes of 0x7f bodies. */
  maxBytes: number
  /** Whether the request asked for a topic. */
  asked(topic: Uint8Array): boolean
  /** Whether the application wants it; where the dialect cannot say which topics, more is asked for than wanted. */
  wants(topic: Uint8Array): boolean
  /** Whether the completion has to name the very last envelope that came. */
  strict: boolean
  position: Position
}

/** Envelopes that were not asked for are dropped, up to so many. */
const FOREIGN_ALLOWANCE = 100

/** Takes in the answer to one request, and holds every envelope against what was asked for. */
export class PageCollector {
  readonly envelopes: Envelope[] = []
  /** Envelopes dropped since they were not asked for, were no envelopes, or came before. */
  foreign = 0
  /** Envelopes dropped since the dialect could not leave them out. */
  beside = 0
  /** Of 0x7f bodies. */
  bytes = 0
  /** Where the walk stands after this page, once it is complete and more exists. */
  position: Position | undefined
  readonly #rules: PageRules
  readonly #order: PageOrder
  #last: RlpItem | undefined

  constructor(rules: PageRules) {
    this.#rules = rules
    this.#order = new PageOrder(rules.position)
  }

  /** Whether any envelope came, wanted or not. */
  get empty(): boolean {
    return this.#last === undefined
  }

  /**
   * Takes the body of a 0x7f.
   *
   * @throws {MisbehavingServerError}
   */
  message(body: Uint8Array): void {
    const { maxBytes, limit } = this.#rules
    this.bytes += body.length
    if (this.bytes > maxBytes) throw new MisbehavingServerError('bytes', `more than ${maxBytes} bytes came`)
    for (const item of itemsOf(body)) {
      this.#last = item
      const envelope = this.#judge(item)
      if (envelope === undefined) {
        this.foreign++
        if (this.foreign > Math.max(FOREIGN_ALLOWANCE, 2 * limit)) {
          throw new MisbehavingServerError('foreign', 'too many envelopes came that were not asked for')
        }
      } else if (this.envelopes.length + this.beside >= limit) {
        throw new MisbehavingServerError('limit', `more than ${limit} envelopes came`)
      } else if (this.#rules.wants(envelope.topic)) {
        this.envelopes.push(envelope)
      } else {
        this.beside++
      }
    }
  }

  /**
   * Takes the completion of this request.
   *
   * @throws {MisbehavingServerError}
   */
  complete({ lastHash, cursor }: RequestComplete): void {
    const { strict, lower, upper } = this.#rules
    if (strict && !equalBytes(lastHash, this.#lastHash())) {
      throw new MisbehavingServerError('last-hash', 'the completion names another last envelope than came')
    }
    if (cursor === undefined) return
    this.position = this.#order.end(cursor)
    const least = encodeCursor(lower, new Uint8Array(32))
    const most = encodeCursor(upper, new Uint8Array(32).fill(0xff))
    if (toHex(cursor) < toHex(least) || toHex(cursor) > toHex(most)) {
      throw new MisbehavingServerError('cursor', 'the cursor lies outside the range')
    }
  }

  #lastHash(): Uint8Array {
    return this.#last === undefined ? new Uint8Array(32) : keccak256(this.#last.raw)
  }

  #judge(item: RlpItem): Envelope | undefined {
    const { lower, upper, asked } = this.#rules
    try {
      const envelope = decodeEnvelope(item.raw)
      const { sent, topic } = envelope
      if (sent < lower || sent > upper || !asked(topic)) return undefined
      const { hash, hashHex } = envelope
      return this.#order.accept(encodeCursor(sent, hash), hashHex) ? envelope : undefined
    } catch (error) {
      if (error instanceof MalformedError) return undefined
      throw error
    }
  }
}

function itemsOf(body: Uint8Array): RlpItem[] {
  try {
    return splitP2PMessage(body)
  } catch (cause) {
    throw new MisbehavingServerError('malformed', 'a P2P Message is no list of envelopes', { cause })
  }
}
