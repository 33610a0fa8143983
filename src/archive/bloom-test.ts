import { envelopeMatchesBloom } from '../wire/envelope/bloom.js'
import { topicFromNumber } from '../wire/envelope/topic.js'

const MAX_REMEMBERED = 16_384

/** Whether envelopes of a topic pass a filter, remembered for the topics seen last. */
export function bloomTest(filter: Uint8Array): (topic: number) => boolean {
  const known = new Map<number, boolean>()
  return topic => {
    let passes = known.get(topic)
    if (passes === undefined) {
      passes = envelopeMatchesBloom(filter, topicFromNumber(topic))
      if (known.size === MAX_REMEMBERED) known.clear()
      known.set(topic, passes)
    }
    return passes
  }
}
