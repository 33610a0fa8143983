import type { Envelope } from '../../src/wire/envelope/envelope.js'
import { topicFromNumber } from '../../src/wire/envelope/topic.js'
import { envelopeAt } from '../archive/traffic.js'

/** Envelopes of a batch, the same ones whoever asks. */
export function batchOf(batch: number): Envelope[] {
  return Array.from({ length: 40 }, (_, i) =>
    envelopeAt(1_600_041_600 + batch * 60 + i, topicFromNumber(i % 9), Uint8Array.of(batch >> 8, batch, i))
  )
}
