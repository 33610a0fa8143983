import * as FIGURES from '../limits/figures.js'
import { splitP2PMessage } from '../wire/request/p2p-message.js'
import type { RequestComplete } from '../wire/request/request-complete.js'
import type { RlpItem } from '../wire/rlp.js'
import { MisbehavingServerError } from './errors.js'

/** How many envelopes that were not asked for an answer may hold. */
export function foreignAllowance(limit: number): number {
  return Math.max(FIGURES.asking.foreign, 2 * limit)
}

/** The answer to one request as it comes in: bounded, and not looked at yet. */
export class PageAnswer {
  /** The envelopes of each 0x7f, as items. */
  readonly bodies: RlpItem[][] = []
  /** Envelopes in all. */
  count = 0
  /** Of 0x7f bodies. */
  bytes = 0
  /** The completion; there once the answer is whole. */
  complete: RequestComplete | undefined
  readonly #limit: number
  readonly #maxBytes: number

  /** @param requestId hash of the request envelope */
  constructor(
    readonly requestId: Uint8Array,
    bounds: { limit: number; maxBytes: number }
  ) {
    this.#limit = bounds.limit
    this.#maxBytes = bounds.maxBytes
  }

  /**
   * Takes the body of a 0x7f.
   *
   * @throws {MisbehavingServerError}
   */
  add(body: Uint8Array): void {
    this.bytes += body.length
    if (this.bytes > this.#maxBytes) throw new MisbehavingServerError('bytes', `more than ${this.#maxBytes} bytes came`)
    const items = itemsOf(body)
    this.count += items.length
    if (this.count > this.#limit + foreignAllowance(this.#limit)) {
      throw new MisbehavingServerError('limit', `far more than ${this.#limit} envelopes came`)
    }
    this.bodies.push(items)
  }
}

function itemsOf(body: Uint8Array): RlpItem[] {
  try {
    return splitP2PMessage(body)
  } catch (cause) {
    throw new MisbehavingServerError('malformed', 'a P2P Message is no list of envelopes', { cause })
  }
}
