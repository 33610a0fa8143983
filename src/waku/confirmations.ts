import { equalBytes, toHex } from '../wire/bytes.js'
import { decodeBatchAck, decodeMessageResponse, type Refusal } from '../wire/packet/confirmation.js'
import type { Counters } from './counters.js'

interface Expected {
  refused: Refusal[] | undefined
  acknowledged: boolean
  resolve: (refused: Refusal[]) => void
  reject: (error: Error) => void
  promise: Promise<Refusal[]>
}

/** What one peer still has to confirm: batches that were posted to it, by batch hash. */
export class Confirmations {
  readonly #expected = new Map<string, Expected>()
  readonly #counters: Counters
  #over: Error | undefined

  constructor(counters: Counters) {
    this.#counters = counters
  }

  /**
   * Resolves when both confirmation packets of that batch arrived, in any order, with what the peer refused of it.
   * Rejects when the conversation ends first. `forget` gives up waiting.
   */
  expect(batch: Uint8Array): { refused: Promise<Refusal[]>; forget: () => void } {
    const id = toHex(batch)
    let expected = this.#expected.get(id)
    if (expected === undefined) {
      let resolve: Expected['resolve'] = () => {}
      let reject: Expected['reject'] = () => {}
      const promise = new Promise<Refusal[]>((yes, no) => {
        resolve = yes
        reject = no
      })
      promise.catch(() => {})
      expected = { refused: undefined, acknowledged: false, resolve, reject, promise }
      if (this.#over === undefined) this.#expected.set(id, expected)
      else reject(this.#over)
    }
    const mine = expected
    return {
      refused: mine.promise,
      forget: () => {
        if (this.#expected.get(id) === mine) this.#expected.delete(id)
      }
    }
  }

  /**
   * False when nobody waits for it.
   *
   * @throws {MalformedError}
   */
  onBatchAck(body: Uint8Array): boolean {
    const id = toHex(decodeBatchAck(body))
    this.#counters.add('confirmations_received')
    const expected = this.#expected.get(id)
    if (expected === undefined) {
      this.#counters.add('confirmations_unexpected')
      return false
    }
    expected.acknowledged = true
    this.#settle(id, expected)
    return true
  }

  /** The same. */
  onMessageResponse(body: Uint8Array): boolean {
    const { batch, refused } = decodeMessageResponse(body)
    const id = toHex(batch)
    const expected = this.#expected.get(id)
    if (expected === undefined) {
      this.#counters.add('confirmations_unexpected')
      return false
    }
    expected.refused = refused
    this.#settle(id, expected)
    return true
  }

  /** The conversation is over: nothing more will be confirmed. */
  end(error: Error): void {
    this.#over = error
    for (const expected of this.#expected.values()) expected.reject(error)
    this.#expected.clear()
  }

  #settle(id: string, expected: Expected): void {
    if (!expected.acknowledged || expected.refused === undefined) return
    this.#expected.delete(id)
    expected.resolve(expected.refused)
  }
}

/** What a peer said about one envelope of a batch; undefined when it took it. */
export function refusalOf(refused: Refusal[], hash: Uint8Array): Refusal | undefined {
  return refused.find(refusal => equalBytes(refusal.hash, hash))
}
