import assert from 'node:assert/strict'
import { toHex } from '../../src/wire/bytes.js'
import { type Envelope, encodeEnvelope } from '../../src/wire/envelope/envelope.js'
import { topicFromName } from '../../src/wire/envelope/topic.js'
import { encodePayload } from '../../src/wire/payload/payload.js'
import { sealSymmetric } from '../../src/wire/payload/symmetric.js'
import type { GoPeer } from './go-peer.js'

export const TOPIC = 'history'
export const OTHER_TOPIC = 'other'

/** An archive's content, one envelope a second, an hour old; every third one has another topic. */
export interface History {
  all: Envelope[]
  /** Those of `TOPIC`, by (sent, hash). */
  wanted: Envelope[]
  from: number
  to: number
}

export function makeHistory(count: number, contentKey: Uint8Array): History {
  const from = Math.floor(Date.now() / 1000) - 3600
  const all = Array.from({ length: count }, (_, i) => {
    const data = sealSymmetric(encodePayload({ payload: new TextEncoder().encode(`message ${i}`) }), contentKey)
    const topic = topicFromName(i % 3 === 2 ? OTHER_TOPIC : TOPIC)
    return encodeEnvelope({ expiry: from + i + 60, ttl: 60, topic, data, nonce: BigInt(i) })
  })
  return { all, wanted: all.filter((_, i) => i % 3 !== 2), from, to: from + count - 1 }
}

export async function archiveAt(peer: GoPeer, { all }: History): Promise<void> {
  await peer.do('archive', { envelopes: all.map(({ raw }) => `0x${toHex(raw)}`) })
}

export const hashesOf = (envelopes: readonly Envelope[]): string[] => envelopes.map(({ hashHex }) => hashHex)

/** The same hashes, each exactly once, in this order or (`backwards`) the opposite one. */
export function assertExactly(got: string[], expected: readonly Envelope[], backwards = false): void {
  const hashes = hashesOf(expected)
  assert.deepEqual(got, backwards ? hashes.reverse() : hashes)
}
