import { utf8ToBytes } from '@noble/hashes/utils.js'
import { MAX_UINT32 } from '../bytes.js'
import { MalformedError, UnencodableError } from '../errors.js'
import { printable } from '../printable.js'
import { decodeUint, type RlpItem } from '../rlp.js'
import { children, decodeList, encodeStructure, itemOf, NOTHING, type Structure, uint } from '../structure.js'
import { CURSOR_BYTES } from './cursor.js'
import { decodeExtensions, ExtensionKey, type Extensions, extensionStructure } from './extension.js'

export interface CompletionError {
  /** One of `RequestErrorCode`, or what a newer server says. */
  code: number
  /** One printable line of at most 200 bytes. */
  text: string
  /** Seconds. */
  retryAfter?: number | undefined
}

/** How a history request ended (8/WAKU-MAIL, protocols/mailserver.md). */
export interface RequestComplete {
  /** Hash of the request envelope, 32 bytes. */
  requestId: Uint8Array
  /** 32 bytes, zero when nothing was sent. */
  lastHash: Uint8Array
  /** 36 bytes; there exactly when more exists. */
  cursor?: Uint8Array | undefined
  error?: CompletionError | undefined
  /** So many envelopes, at least, belong into the answer and are damaged on the server's disk; 1 or more. */
  damaged?: number | undefined
  /** Other keys than those of the error and of what is damaged. */
  extensions?: Extensions | undefined
}

/**
 * The list `[requestId, lastHash, cursor]`, with an extension list behind it when there is one. A completion with an
 * error carries no cursor.
 * @throws UnencodableError
 */
export function encodeRequestComplete(complete: RequestComplete): Uint8Array {
  const { requestId, lastHash, cursor, error, damaged } = complete
  if (requestId.length !== 32 || lastHash.length !== 32) throw new UnencodableError('a hash is 32 bytes')
  if (cursor !== undefined && cursor.length !== CURSOR_BYTES) throw new UnencodableError('a cursor is 36 bytes')
  if (cursor !== undefined && error !== undefined) throw new UnencodableError('there is no cursor after an error')
  const extensions: Extensions = new Map(complete.extensions)
  if (error !== undefined) extensions.set(ExtensionKey.error, itemOf(errorStructure(error)))
  if (damaged !== undefined) extensions.set(ExtensionKey.damaged, itemOf(uint(Math.min(damaged, MAX_UINT32))))
  return encodeStructure([
    requestId,
    lastHash,
    cursor ?? NOTHING,
    ...(extensions.size > 0 ? [extensionStructure(extensions)] : [])
  ])
}

function errorStructure({ code, text, retryAfter }: CompletionError): Structure {
  return [uint(code), utf8ToBytes(printable(text)), ...(retryAfter === undefined ? [] : [uint(Math.ceil(retryAfter))])]
}

/**
 * Reads a completion of 2 to 4 items. Beside an error a cursor is left out.
 * @throws MalformedError
 */
export function decodeRequestComplete(body: Uint8Array): RequestComplete {
  const items = decodeList(body, { max: 4 })
  const [requestId, lastHash, cursor, tail] = items
  const complete: RequestComplete = { requestId: hashOf(requestId), lastHash: hashOf(lastHash) }
  if (cursor !== undefined && !cursor.empty) {
    if (cursor.isList || cursor.payload.length !== CURSOR_BYTES) throw new MalformedError('a cursor is 36 bytes')
    complete.cursor = cursor.payload
  }
  if (tail === undefined) return complete
  const extensions = decodeExtensions(tail)
  const error = extensions.get(ExtensionKey.error)
  if (error !== undefined) {
    complete.error = decodeError(error)
    extensions.delete(ExtensionKey.error)
    delete complete.cursor
  }
  const damaged = extensions.get(ExtensionKey.damaged)
  if (damaged !== undefined) {
    complete.damaged = decodeUint(damaged, { max: MAX_UINT32 })
    extensions.delete(ExtensionKey.damaged)
  }
  if (extensions.size > 0) complete.extensions = extensions
  return complete
}

function hashOf(item: RlpItem | undefined): Uint8Array {
  if (item === undefined || item.isList || item.payload.length !== 32) throw new MalformedError('a hash is 32 bytes')
  return item.payload
}

function decodeError(item: RlpItem): CompletionError {
  const [code, text, retryAfter] = children(item, { max: 16 })
  if (code === undefined || text === undefined) throw new MalformedError('an error is a code and a text')
  if (text.isList) throw new MalformedError('the text of an error is a list')
  const error: CompletionError = { code: decodeUint(code, { max: MAX_UINT32 }), text: printable(text.payload) }
  if (retryAfter !== undefined) error.retryAfter = decodeUint(retryAfter, { max: MAX_UINT32 })
  return error
}
