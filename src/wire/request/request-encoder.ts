import { isUint32 } from '../bytes.js'
import { BLOOM_BYTES } from '../envelope/bloom.js'
import { UnencodableError } from '../errors.js'
import { encodeStructure, NOTHING, uint } from '../structure.js'
import { CURSOR_BYTES } from './cursor.js'
import { extensionStructure } from './extension.js'
import { type Dialect, type HistoryRequest, MAX_REQUEST_TOPICS } from './request-shape.js'

/**
 * The payload of a request envelope in one of the forms.
 * @throws UnencodableError when a field is out of its range, or the form has no place for it
 */
export function encodeHistoryRequest(request: HistoryRequest, dialect: Dialect): Uint8Array {
  const { lower, upper, bloom, topics = [], limit, cursor, batch, extensions } = request
  for (const [name, value] of Object.entries({ lower, upper, limit })) {
    if (!isUint32(value)) throw new UnencodableError(`${name} is an integer of 32 bits`)
  }
  if (bloom !== undefined && bloom.length !== 0 && bloom.length !== BLOOM_BYTES) {
    throw new UnencodableError('a bloom filter is 64 bytes')
  }
  if (cursor !== undefined && cursor.length !== 0 && cursor.length !== CURSOR_BYTES) {
    throw new UnencodableError('a cursor is 36 bytes')
  }
  if (topics.length > MAX_REQUEST_TOPICS) throw new UnencodableError(`more than ${MAX_REQUEST_TOPICS} topics`)
  if (topics.some(topic => topic.length !== 4)) throw new UnencodableError('a topic is 4 bytes')
  if (topics.length > 0 && dialect !== 'spec6t' && dialect !== 'sg7') {
    throw new UnencodableError(`a request in the form ${dialect} cannot name topics`)
  }
  if (cursor !== undefined && cursor.length > 0 && dialect === 'spec4') {
    throw new UnencodableError(`a request in the form ${dialect} cannot carry a cursor`)
  }
  const extended = extensions !== undefined && extensions.size > 0
  if (extended && dialect !== 'spec6t') {
    throw new UnencodableError(`a request in the form ${dialect} cannot carry extensions`)
  }
  const range = [uint(lower), uint(upper), bloom ?? NOTHING]
  const limitItem = uint(limit)
  const cursorItem = cursor ?? NOTHING
  const batchItem = uint((batch ?? true) ? 1 : 0)
  switch (dialect) {
    case 'spec4':
      return encodeStructure([...range, limitItem])
    case 'spec5':
      return encodeStructure([...range, limitItem, cursorItem])
    case 'spec6t':
      return encodeStructure([
        ...range,
        limitItem,
        cursorItem,
        topics,
        ...(extended ? [extensionStructure(extensions)] : [])
      ])
    case 'sg6':
      return encodeStructure([...range, limitItem, cursorItem, batchItem])
    case 'sg7':
      return encodeStructure([...range, topics, limitItem, cursorItem, batchItem])
    default:
      throw new UnencodableError(`${dialect} is no form of this payload`)
  }
}
