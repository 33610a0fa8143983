import { concatBytes, readUint32, writeUint32 } from '../bytes.js'
import { BLOOM_BYTES, fullBloom } from '../envelope/bloom.js'
import { UnencodableError } from '../errors.js'
import { CURSOR_BYTES } from './cursor.js'
import type { HistoryRequest, RawDialect } from './history-request.js'

const BLOOM_AT = 8
const LIMIT_AT: number = BLOOM_AT + BLOOM_BYTES
const CURSOR_AT: number = LIMIT_AT + 4

/**
 * A request payload without RLP: `lower(4) ‖ upper(4)`, big-endian, then nothing (everything), a topic (4), or a bloom
 * filter (64), which a limit (4) and a cursor (36) may follow. Any other length from 72 on is read as far as whole
 * fields go, without a cursor, as deployed servers do. `limit` is 0 where the form has none.
 * Undefined when no raw form has this length.
 */
export function decodeRawRequest(payload: Uint8Array): { dialect: RawDialect; request: HistoryRequest } | undefined {
  const length = payload.length
  if (length !== 8 && length !== 12 && length < LIMIT_AT) return undefined
  const range = { lower: readUint32(payload, 0), upper: readUint32(payload, 4) }
  if (length === 8) return { dialect: 'raw8', request: { ...range, bloom: fullBloom(), limit: 0 } }
  if (length === 12) return { dialect: 'raw12', request: { ...range, topics: [payload.subarray(8)], limit: 0 } }
  const bloom = payload.subarray(BLOOM_AT, LIMIT_AT)
  if (length < CURSOR_AT) return { dialect: 'raw72', request: { ...range, bloom, limit: 0 } }
  const request = { ...range, bloom, limit: readUint32(payload, LIMIT_AT) }
  if (length !== CURSOR_AT + CURSOR_BYTES) return { dialect: 'raw76', request }
  return { dialect: 'raw112', request: { ...request, cursor: payload.subarray(CURSOR_AT) } }
}

/**
 * Writes a payload without RLP. `raw8` asks for everything, `raw12` for one topic, the others by bloom filter. Forms
 * without a limit leave it to the requester to stop.
 * @throws UnencodableError when a field is out of its range, missing, or the form has no place for it
 */
export function encodeRawRequest(request: HistoryRequest, dialect: RawDialect): Uint8Array {
  const { bloom, topics = [], cursor } = request
  const range = concatBytes(writeUint32(request.lower), writeUint32(request.upper))
  if (cursor !== undefined && dialect !== 'raw112') throw new UnencodableError(`${dialect} cannot carry a cursor`)
  if (dialect === 'raw8') return range
  if (dialect === 'raw12') {
    const [topic] = topics
    if (topics.length !== 1 || topic?.length !== 4) throw new UnencodableError('raw12 names exactly one topic')
    return concatBytes(range, topic)
  }
  if (bloom?.length !== BLOOM_BYTES) throw new UnencodableError(`${dialect} needs a bloom filter of 64 bytes`)
  if (dialect === 'raw72') return concatBytes(range, bloom)
  const limited = concatBytes(range, bloom, writeUint32(request.limit))
  if (dialect === 'raw76') return limited
  if (cursor?.length !== CURSOR_BYTES) throw new UnencodableError('raw112 needs a cursor of 36 bytes')
  return concatBytes(limited, cursor)
}
