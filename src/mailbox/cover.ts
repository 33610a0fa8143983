import { concatBytes, readUint32, writeUint32 } from '../wire/bytes.js'
import { topicFromName, topicNumber } from '../wire/envelope/topic.js'
import { keccak256 } from '../wire/keccak.js'
import { MessagesQueryError } from './errors.js'
import { PARTITIONS, partition } from './recipient.js'

/**
 * Topics to be asked for beside the wanted ones: partitions, which others use. The same ones each time: sets that change would be told apart
 * by what they have in common.
 */
export function coverTopics(
  count: number,
  wanted: ReadonlyMap<number, Uint8Array>,
  seed: Uint8Array,
  reader: string
): Uint8Array[] {
  if (count + wanted.size > PARTITIONS / 2)
    throw new MessagesQueryError(`topics are widened by at most ${PARTITIONS / 2} in all`)
  const chosen = new Map<number, Uint8Array>()
  for (let i = 0; chosen.size < count; i++) {
    const dice = keccak256(concatBytes(seed, writeUint32(i), new TextEncoder().encode(reader)))
    const topic = topicFromName(partition(readUint32(dice) % PARTITIONS))
    if (!wanted.has(topicNumber(topic))) chosen.set(topicNumber(topic), topic)
  }
  return [...chosen.values()]
}
