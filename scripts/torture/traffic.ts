import { type Envelope, encodeEnvelope } from '../../src/wire/envelope/envelope.js'
import type { Prng } from '../../test/archive/prng.js'

/** The topics of everything that is posted. */
export const TOPICS: readonly Uint8Array[] = Array.from({ length: 20 }, (_, i) => Uint8Array.of(0x70, 0x6f, 0x72, i))

export interface TrafficShape {
  /** Unix seconds by the node's clock. */
  now: number
  /** Seconds before `now`. @default 0 to 60 */
  age?: number | undefined
  /** Seconds. @default 600 */
  ttl?: number | undefined
  /** Bytes of data. @default 100 to 500 */
  size?: number | undefined
}

/** An envelope unlike any other, without proof of work. */
export function newEnvelope(prng: Prng, { now, age, ttl = 600, size }: TrafficShape): Envelope {
  const sent = now - (age ?? prng.below(60))
  const data = prng.bytes(size ?? prng.between(100, 500))
  return encodeEnvelope({ expiry: sent + ttl, ttl, topic: prng.pick(TOPICS), data, nonce: BigInt(prng.uint32()) })
}
