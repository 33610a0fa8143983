import { BLOOM_BYTES, fullBloom } from './bloom.js'
import { concatBytes, readUint32, writeUint32 } from './bytes.js'
import { CURSOR_BYTES } from './cursor.js'
import { MalformedError } from './errors.js'
import type { HistoryRequest } from './history-request.js'

/** Request payloads without RLP, named for their length: what go-ethereum and the first Status clients sent. */
export type RawDialect = 'raw8' | 'raw12' | 'raw72' | 'raw76' | 'raw112'

export const RAW_DIALECTS: readonly RawDialect[] = ['raw8', 'raw12', 'raw72', 'raw76', 'raw112']

const BLOOM_AT = 8
const LIMIT_AT = BLOOM_AT + BLOOM_BYTES
const CURSOR_AT = LIMIT_AT + 4

/**
 * `lower(4) ‖ upper(4)`, then nothing (everything), a topic(4), or a bloom(64) that a limit(4) and a cursor(36) may
 * follow. Other lengths from 72 on are read as far as whole fields go, without a cursor: that is what deployed servers do.
 * `limit` is 0 where the form has none. Returns undefined when no raw form has this length.
 */
export function decodeRawRequest(payload: Uint8Array): { dialect: RawDialect; request: HistoryRequest } | undefined {
  const length = payload.length
  if (length !== 8 && length !== 12 && length < LIMIT_AT) return undefined
  const range = { lower: readUint32(payload, 0), upper: readUint32(payload, 4) }
  if (length === 8) return { dialect: 'raw8', request: { ...range, bloom: fullBloom(), limit: 0 } }
  if (length === 12) return { dialect: 'raw12', request: { ...range, topics: [payload.slice(8, 12)], limit: 0 } }
  const bloom = payload.slice(BLOOM_AT, LIMIT_AT)
  if (length < CURSOR_AT) return { dialect: 'raw72', request: { ...range, bloom, limit: 0 } }
  const request = { ...range, bloom, limit: readUint32(payload, LIMIT_AT) }
  if (length !== CURSOR_AT + CURSOR_BYTES) return { dialect: 'raw76', request }
  return { dialect: 'raw112', request: { ...request, cursor: payload.slice(CURSOR_AT) } }
}

/**
 * Writes a raw payload. `raw8` asks for everything and `raw12` for one topic; what a form cannot say is not left out
 * in silence.
 * @throws {MalformedError} when the request says more than the form can
 */
export function encodeRawRequest(request: HistoryRequest, dialect: RawDialect): Uint8Array {
  const range = concatBytes(writeUint32(request.lower), writeUint32(request.upper))
  if (request.cursor !== undefined && dialect !== 'raw112') throw new MalformedError(`${dialect} has no cursor`)
  if (dialect === 'raw8') return range
  if (dialect === 'raw12') {
    const topic = request.topics?.[0]
    if (topic === undefined || request.topics?.length !== 1)
      throw new MalformedError('raw12 asks for exactly one topic')
    return concatBytes(range, topic)
  }
  const bloom = request.bloom
  if (bloom === undefined) throw new MalformedError(`${dialect} needs a bloom`)
  if (dialect === 'raw72') return concatBytes(range, bloom)
  const limited = concatBytes(range, bloom, writeUint32(request.limit))
  if (dialect === 'raw76') return limited
  if (request.cursor === undefined) throw new MalformedError('raw112 needs a cursor')
  return concatBytes(limited, request.cursor)
}
