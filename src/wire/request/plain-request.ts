import { UnencodableError } from '../errors.js'
import type { RlpItem } from '../rlp.js'
import { decodeList, encodeStructure, type Structure, structureOf } from '../structure.js'
import {
  decodeHistoryRequest,
  encodeHistoryRequest,
  type HistoryRequest,
  type PlainDialect
} from './history-request.js'

const ID_BYTES = 32

/**
 * A request that lies open in the packet: no encryption, signature or proof of work vouches for it.
 * Its id was made up by the client and is echoed as it is.
 */
export interface PlainRequest {
  /** 32 bytes. */
  readonly requestId: Uint8Array
  readonly dialect: PlainDialect
  /**
   * Apart from the id, so that a request that cannot be served is still answered.
   * @throws RequestError malformed, bloom, topics or cursor
   */
  read(): HistoryRequest
}

/**
 * Reads `[id, from, to, limit, cursor, bloom]`, or the same with `[topic, …]` behind it. Undefined when the body is
 * neither; an envelope never is one, since it has five items.
 * @throws MalformedError when the body is no RLP list
 */
export function decodePlainRequest(body: Uint8Array): PlainRequest | undefined {
  const items = decodeList(body, { max: 64 })
  if (items.length !== 6 && items.length !== 7) return undefined
  const [id, from, to, limit, cursor, bloom, topics] = items as [Item, Item, Item, Item, Item, Item, Item | undefined]
  if (id.isList || id.payload.length !== ID_BYTES) return undefined
  if ([from, to, limit].some(item => item.isList || item.payload.length > 4)) return undefined
  if (cursor.isList || bloom.isList || topics?.isList === false) return undefined
  const [lower, upper, filter, most, where] = [from, to, bloom, limit, cursor].map(structureOf) as Five
  const inner = encodeStructure([lower, upper, filter, topics === undefined ? [] : structureOf(topics), most, where])
  return {
    requestId: id.payload,
    dialect: topics === undefined ? 'plain6' : 'plain7',
    read: () => decodeHistoryRequest(inner, { network: 'devp2p' }).request
  }
}

type Item = RlpItem
type Five = [Structure, Structure, Structure, Structure, Structure]

/**
 * The whole body of a P2P Request (0x7e) in the open.
 * @param requestId 32 bytes, fresh for each request
 * @throws UnencodableError when a field is out of its range, or the form has no place for it
 */
export function encodePlainRequest(request: HistoryRequest, dialect: PlainDialect, requestId: Uint8Array): Uint8Array {
  if (requestId.length !== ID_BYTES) throw new UnencodableError(`a request id is ${ID_BYTES} bytes`)
  if (dialect === 'plain6' && (request.topics?.length ?? 0) > 0) throw new UnencodableError('plain6 cannot name topics')
  const sealed = decodeList(encodeHistoryRequest(request, 'sg7')).map(structureOf)
  const [lower, upper, bloom, topics, limit, cursor] = sealed as [...Five, Structure]
  const items = [requestId, lower, upper, limit, cursor, bloom]
  return encodeStructure(dialect === 'plain6' ? items : [...items, topics])
}
