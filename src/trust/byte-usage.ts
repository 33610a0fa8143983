import { TrustRecordError } from './errors.js'

const HOUR = 3600
/** A byte ages out with the last one of its hour, so that no 24 hours ever see more than the budget. */
const HOURS = 25

/** Bytes that one peer delivered in the last 24 hours, kept by the hour. */
export class ByteUsage {
  readonly #hours = new Map<number, number>()

  /** Bytes of the last 24 hours (up to one hour more). */
  total(now: number): number {
    const oldest = Math.floor(now / HOUR) - HOURS + 1
    let sum = 0
    for (const [hour, bytes] of this.#hours) {
      if (hour < oldest) this.#hours.delete(hour)
      else sum += bytes
    }
    return sum
  }

  add(bytes: number, now: number): void {
    const hour = Math.floor(now / HOUR)
    this.#hours.set(hour, (this.#hours.get(hour) ?? 0) + bytes)
  }

  encode(): Uint8Array {
    return new TextEncoder().encode(JSON.stringify([...this.#hours]))
  }

  /** @throws {TrustRecordError} */
  static decode(bytes: Uint8Array): ByteUsage {
    try {
      const usage = new ByteUsage()
      for (const pair of JSON.parse(new TextDecoder().decode(bytes)) as unknown[]) {
        const [hour, count] = pair as [unknown, unknown]
        if (!Number.isSafeInteger(hour) || !Number.isSafeInteger(count) || (count as number) < 0)
          throw new Error('usage')
        usage.#hours.set(hour as number, count as number)
      }
      return usage
    } catch (cause) {
      throw new TrustRecordError('a record of used bytes cannot be read', { cause })
    }
  }
}
