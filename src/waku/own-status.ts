import * as FIGURES from '../limits/figures.js'
import { equalBytes } from '../wire/bytes.js'
import type { Envelope } from '../wire/envelope/envelope.js'
import { acceptablePow } from '../wire/envelope/pow.js'
import { MAX_FRAME } from '../wire/packet/packet-frame.js'
import { encodeStatusOptions, mergeStatus, type StatusOptions } from '../wire/packet/status.js'
import { Interest } from './interest.js'

interface Taste {
  pow: number
  interest: Interest
}

/** What this node announces about itself, and what it therefore takes. */
export class OwnStatus {
  #options: StatusOptions
  #taste: Taste
  #previous: Array<Taste & { until: number }> = []

  /**
   * @throws {UnencodableError} when an option is out of its range
   * @throws {RangeError} when a byte limit is below the largest packet
   */
  constructor(options: StatusOptions) {
    encodeStatusOptions(options)
    checkByteLimits(options)
    this.#options = mergeStatus({}, options)
    this.#taste = { pow: options.pow ?? 0, interest: new Interest(this.#options) }
  }

  get options(): StatusOptions {
    return this.#options
  }

  get light(): boolean {
    return this.#options.light === true
  }

  get confirmations(): boolean {
    return this.#options.confirmations === true
  }

  get pow(): number {
    return this.#taste.pow
  }

  /**
   * Takes over new values and returns those that differ from the old ones: what peers have to be told.
   *
   * @throws {UnencodableError} when an option is out of its range; nothing changed then
   * @throws {RangeError} when a byte limit is below the largest packet; nothing changed then
   */
  update(options: StatusOptions, now: number): StatusOptions {
    encodeStatusOptions(options)
    checkByteLimits(options)
    const changed: StatusOptions = {}
    for (const [name, value] of Object.entries(options)) {
      if (value === undefined) continue
      const before = this.#options[name as keyof StatusOptions]
      const same =
        before !== undefined &&
        equalBytes(encodeStatusOptions({ [name]: before }), encodeStatusOptions({ [name]: value }))
      if (!same) Object.assign(changed, { [name]: value })
    }
    if (Object.keys(changed).length === 0) return changed
    const merged = mergeStatus(this.#options, changed)
    this.#previous = [...this.#current(now), { ...this.#taste, until: now + FIGURES.conversation.clocks }].slice(
      -FIGURES.conversation.changes
    )
    this.#options = merged
    this.#taste = { pow: merged.pow ?? 0, interest: new Interest(merged) }
    return changed
  }

  takesPow(envelope: Envelope, now: number): boolean {
    if (this.#taste.pow === 0) return true
    // dated ahead, it counts as if its life were that much longer
    const ahead = envelope.sent - now
    const options = ahead > 0 ? { extraTtl: ahead + 1 } : {}
    if (acceptablePow(envelope, this.#taste.pow, options)) return true
    return this.#current(now).some(taste => acceptablePow(envelope, taste.pow, options))
  }

  takesTopic(topic: Uint8Array, now: number): boolean {
    if (this.#taste.interest.includes(topic)) return true
    return this.#current(now).some(taste => taste.interest.includes(topic))
  }

  #current(now: number): Array<Taste & { until: number }> {
    if (this.#previous.length > 0) this.#previous = this.#previous.filter(taste => now <= taste.until)
    return this.#previous
  }
}

/** Who keeps to a smaller limit could never send the largest packet (6/WAKU1, rate limits). */
function checkByteLimits({ byteLimits }: StatusOptions): void {
  for (const limit of Object.values(byteLimits ?? {})) {
    if (limit !== 0 && limit < MAX_FRAME) throw new RangeError(`a byte limit is 0 or at least ${MAX_FRAME}`)
  }
}
