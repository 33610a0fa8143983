import type { Envelope } from '../../src/wire/envelope/envelope.js'
import { topicFromNumber } from '../../src/wire/envelope/topic.js'
import { Prng } from '../archive/prng.js'
import { envelopeAt } from '../archive/traffic.js'

/** Envelopes of the last hours, a second apart, ascending; of some topics in turn. */
export function recentEnvelopes(count: number, options: { topics?: number; payload?: number } = {}): Envelope[] {
  const { topics = 5, payload = 200 } = options
  const prng = new Prng(7)
  const first = Math.floor(Date.now() / 1000) - count - 60
  return Array.from({ length: count }, (_, i) =>
    envelopeAt(first + i, topicFromNumber(0x10000000 + (i % topics)), prng.bytes(payload), 50)
  )
}
