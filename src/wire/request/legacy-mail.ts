import { bloomOf } from '../envelope/bloom.js'
import { decodeEnvelope } from '../envelope/envelope.js'
import { MalformedError, UnencodableError } from '../errors.js'
import { decodeItem } from '../rlp.js'
import { type Capability, DIALECTS, p2pForm } from './dialect.js'
import {
  type Dialect,
  decodeHistoryRequest,
  encodeHistoryRequest,
  type HistoryRequest,
  type RawDialect
} from './history-request.js'
import type { MailCodec } from './mail-codec.js'
import { encodeP2PBodies } from './p2p-body.js'
import { decodePlainRequest, encodePlainRequest } from './plain-request.js'
import { decodeRawRequest, encodeRawRequest } from './raw-request.js'
import { RequestError, RequestErrorCode } from './request-error.js'
import { decodeAnyComplete, encodeStringComplete, encodeTripleComplete } from './string-complete.js'

export interface LegacyMailInit {
  capability: Capability
  /**
   * The peer's shh/6 Status had at most four items: it reads bare envelopes only, and as a server it is asked by raw
   * payloads.
   * @default false
   */
  short?: boolean | undefined
  /**
   * Serve requests that are not encrypted: anybody who connects may then read the archive.
   * @default false
   */
  plain?: boolean | undefined
  /**
   * Which form a request is taken for that could not be read (`formOfUnread`).
   * @default none in particular: the string completion, and what any peer of the capability reads
   */
  unread?: Dialect | undefined
}

const SPEC: Dialect[] = ['spec4', 'spec5', 'spec6t']
const SHORT: Dialect[] = ['raw72', 'raw8', 'raw12']
/** Forms that servers of a capability are known to read, or might. */
const ASKED: Readonly<Record<Capability, Dialect[]>> = {
  'waku/1': ['sg7', 'sg6', 'plain7', 'plain6', ...SPEC],
  'waku/0': ['sg7', 'sg6', 'plain7', 'plain6', ...SPEC],
  'shh/6': ['sg7', 'sg6', 'plain6', 'raw8', 'raw72', 'raw76', 'raw112', ...SPEC]
}

/** Deployed servers find nothing up to 2^32-1: they add 1 to it. */
const NEWEST = 0xffff_fffe

/** How one legacy peer asks for history and is answered (protocols/devp2p.md). */
export function legacyMail(init: LegacyMailInit): MailCodec {
  const { capability, short = false, plain = false, unread } = init
  return {
    name: capability,
    dialects: short ? SHORT : ASKED[capability],
    defaultDialect: short ? 'raw72' : 'sg7',
    decodePayload: decodeLegacyPayload,
    encodePayload: encodeLegacyPayload,
    decodePlain: body => {
      const request = decodePlainRequest(body)
      if (request === undefined || plain) return request
      const refuse = (): never => {
        throw new RequestError(RequestErrorCode.notAllowed, 'it is not encrypted')
      }
      return { ...request, read: refuse }
    },
    encodePlain: (request, dialect, requestId) => encodePlainRequest(askable(request, dialect), dialect, requestId),
    answer: (dialect = unread, request) => {
      const form = p2pForm(capability, { dialect, batch: request?.batch, short })
      return {
        limitRule: dialect === undefined ? 'clamp' : DIALECTS[dialect].limit,
        bodies: raws => encodeP2PBodies(raws, form)
      }
    },
    encodeComplete: (complete, dialect = unread) =>
      dialect !== undefined && DIALECTS[dialect].completion === 'list'
        ? encodeTripleComplete(complete)
        : encodeStringComplete(complete),
    decodeComplete: decodeAnyComplete
  }
}

/**
 * What the envelope of a request that no key of ours opens tells about its form: nim's are dated 0 with ttl 0, and its
 * reader takes no completion but a list. Undefined: nothing.
 */
export function formOfUnread(body: Uint8Array): Dialect | undefined {
  try {
    const { expiry, ttl } = decodeEnvelope(body)
    return expiry === 0 && ttl === 0 ? 'spec5' : undefined
  } catch (error) {
    if (error instanceof MalformedError) return undefined
    throw error
  }
}

/**
 * Reads the decrypted payload of a request in any form: RLP where one list covers it exactly, else by its length.
 * @throws RequestError malformed, bloom, topics or cursor
 */
export function decodeLegacyPayload(payload: Uint8Array): { dialect: Dialect; request: HistoryRequest } {
  if (isList(payload)) return decodeHistoryRequest(payload, { network: 'devp2p' })
  const raw = decodeRawRequest(payload)
  if (raw === undefined) throw new RequestError(RequestErrorCode.malformed, 'undersized request')
  return raw
}

function isList(payload: Uint8Array): boolean {
  if (payload.length === 0 || (payload[0] as number) < 0xc0) return false
  try {
    return decodeItem(payload).isList
  } catch (error) {
    if (error instanceof MalformedError) return false
    throw error
  }
}

/**
 * Writes the payload of a request for a legacy server. Topics are covered by a bloom filter beside them, and stand
 * alone for it where the form cannot name them; the answer then holds more than was asked for.
 * @throws UnencodableError
 */
export function encodeLegacyPayload(request: HistoryRequest, dialect: Dialect): Uint8Array {
  if (!DIALECTS[dialect].sealed) throw new UnencodableError(`${dialect} is not encrypted`)
  const asked = askable(request, dialect)
  return isRaw(dialect) ? encodeRawRequest(asked, dialect) : encodeHistoryRequest(asked, dialect)
}

function isRaw(dialect: Dialect): dialect is RawDialect {
  return dialect.startsWith('raw')
}

/** The same request in words that deployed servers understand. */
function askable(request: HistoryRequest, dialect: Dialect): HistoryRequest {
  const { topics, bloom } = request
  const asked: HistoryRequest = { ...request, upper: Math.min(request.upper, NEWEST) }
  if (isRaw(dialect) && request.upper === 0) asked.upper = NEWEST
  if (topics !== undefined && topics.length > 0) {
    asked.bloom = bloom === undefined || bloom.length === 0 ? bloomOf(topics) : bloom
    if (!DIALECTS[dialect].topics) asked.topics = undefined
  }
  return asked
}
