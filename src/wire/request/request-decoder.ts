import { MAX_UINT32 } from '../bytes.js'
import { BLOOM_BYTES } from '../envelope/bloom.js'
import { MalformedError } from '../errors.js'
import type { RlpItem } from '../rlp.js'
import { children, decodeList } from '../structure.js'
import { CURSOR_BYTES } from './cursor.js'
import { decodeExtensions } from './extension.js'
import { RequestError, RequestErrorCode } from './request-error.js'
import { type Dialect, type HistoryRequest, MAX_REQUEST_TOPICS } from './request-shape.js'

export interface DecodedRequest {
  dialect: Dialect
  request: HistoryRequest
}

/** Which item holds what. */
interface Layout {
  dialect: Dialect
  limit: RlpItem
  cursor?: RlpItem | undefined
  topics?: RlpItem | undefined
  batch?: RlpItem | undefined
  extensions?: RlpItem | undefined
}

/**
 * Reads the decrypted payload of a request, telling its form by structure. Inside, integers may carry leading zeros,
 * an absent cursor may be `80` or `c0`, and empty topics are left out.
 * @param options.network on libp2p a last item `80` stands for no topics and a seventh item is the extension list; on
 * devp2p that last item is a "no" of the older deployed form
 * @throws RequestError malformed, bloom, topics or cursor
 */
export function decodeHistoryRequest(payload: Uint8Array, options: { network: 'libp2p' | 'devp2p' }): DecodedRequest {
  let dialect: Dialect | undefined
  try {
    const items = decodeList(payload, { max: 64 })
    const [lower, upper, bloom] = items
    if (lower === undefined || upper === undefined || bloom === undefined) throw new MalformedError('items are missing')
    const layout = layoutOf(items, options.network === 'libp2p')
    dialect = layout.dialect
    const request: HistoryRequest = {
      lower: integer(lower, 'the lower bound'),
      upper: integer(upper, 'the upper bound'),
      limit: integer(layout.limit, 'the limit')
    }
    if (layout.batch !== undefined) request.batch = flag(layout.batch)
    if (layout.extensions !== undefined) request.extensions = decodeExtensions(layout.extensions)
    const filter = bloomOf(bloom)
    if (filter !== undefined) request.bloom = filter
    const topics = topicsOf(layout.topics)
    if (topics !== undefined) request.topics = topics
    const cursor = cursorOf(layout.cursor)
    if (cursor !== undefined) request.cursor = cursor
    return { dialect, request }
  } catch (error) {
    if (error instanceof RequestError) {
      error.dialect ??= dialect
      throw error
    }
    if (!(error instanceof MalformedError)) throw error
    const text = `the request is in no known form: ${error.message}`
    throw new RequestError(RequestErrorCode.malformed, text, { dialect })
  }
}

function layoutOf(items: RlpItem[], libp2p: boolean): Layout {
  const [, , , third, fourth, fifth, sixth] = items
  if (third === undefined) throw new MalformedError('items are missing')
  if (third.isList) {
    if (fourth === undefined || fifth === undefined) throw new MalformedError('items are missing')
    if (items.length < 6) throw new MalformedError('items are missing')
    return { dialect: 'sg7', topics: third, limit: fourth, cursor: fifth, batch: sixth }
  }
  if (fourth === undefined) return { dialect: 'spec4', limit: third }
  if (fifth === undefined) {
    if (fourth.isList && !fourth.empty) {
      const text = 'topics need a cursor item before them, which may be empty'
      throw new RequestError(RequestErrorCode.topics, text, { dialect: 'spec5' })
    }
    return { dialect: 'spec5', limit: third, cursor: fourth }
  }
  if (fifth.isList || (libp2p && fifth.empty)) {
    const extensions = libp2p ? sixth : undefined
    return { dialect: 'spec6t', limit: third, cursor: fourth, topics: fifth, extensions }
  }
  if (items.length === 6) return { dialect: 'sg6', limit: third, cursor: fourth, batch: fifth }
  throw new MalformedError('items are of the wrong kind')
}

/** Big-endian, leading zeros allowed. */
function integer(item: RlpItem, what: string): number {
  if (item.isList) throw new MalformedError(`${what} is a list`)
  let value = 0
  for (const byte of item.payload) {
    value = value * 256 + byte
    if (value > MAX_UINT32) throw new MalformedError(`${what} has more than 32 bits`)
  }
  return value
}

function flag(item: RlpItem): boolean {
  const value = integer(item, 'the batch flag')
  if (value > 1 || item.payload.length > 1) throw new MalformedError('the batch flag is neither 0 nor 1')
  return value === 1
}

function bloomOf(item: RlpItem): Uint8Array | undefined {
  if (!item.isList && item.empty) return undefined
  if (item.isList || item.payload.length !== BLOOM_BYTES) {
    throw new RequestError(RequestErrorCode.bloom, `a bloom filter is ${BLOOM_BYTES} bytes, or empty`)
  }
  return item.payload
}

function topicsOf(item: RlpItem | undefined): Uint8Array[] | undefined {
  if (item === undefined || item.empty) return undefined
  const topics: Uint8Array[] = []
  for (const topic of children(item)) {
    if (!topic.isList && topic.empty) continue
    if (topic.isList || topic.payload.length !== 4) {
      throw new RequestError(RequestErrorCode.topics, 'a topic is 4 bytes')
    }
    if (topics.length === MAX_REQUEST_TOPICS) {
      throw new RequestError(RequestErrorCode.topics, `a request names at most ${MAX_REQUEST_TOPICS} topics`)
    }
    topics.push(topic.payload)
  }
  return topics.length === 0 ? undefined : topics
}

function cursorOf(item: RlpItem | undefined): Uint8Array | undefined {
  if (item === undefined || item.empty) return undefined
  if (item.isList || item.payload.length !== CURSOR_BYTES) {
    throw new RequestError(RequestErrorCode.cursor, `a cursor is ${CURSOR_BYTES} bytes, or empty`)
  }
  return item.payload
}
