import {
  type Dialect,
  decodeHistoryRequest,
  encodeHistoryRequest,
  type RawDialect,
  settleRequest
} from '../../../src/wire/request/history-request.js'
import { decodeLegacyPayload } from '../../../src/wire/request/legacy-mail.js'
import { encodeRawRequest } from '../../../src/wire/request/raw-request.js'
import type { DecodedRequest } from '../../../src/wire/request/request-decoder.js'
import { RequestError } from '../../../src/wire/request/request-error.js'
import { attempt, check, checkSame, checkSmall, type FuzzTarget, read } from '../oracle.js'

function isRaw(dialect: Dialect): dialect is RawDialect {
  return dialect.startsWith('raw')
}

function again(decoded: DecodedRequest, read: (payload: Uint8Array) => DecodedRequest): void {
  const { dialect, request } = decoded
  // a raw payload of after 2072 may look like a list once it has another length (protocols/devp2p.md)
  if (isRaw(dialect) && request.lower >= 0xc000_0000) return
  // on libp2p a last item that is empty stands for no topics, so that this form cannot say "no batch" there
  if (read !== decodeLegacyPayload && dialect === 'sg6' && request.batch === false) return
  const written = isRaw(dialect) ? encodeRawRequest(request, dialect) : encodeHistoryRequest(request, dialect)
  const { extensions, ...rest } = read(written).request
  checkSame(read(written).dialect, dialect, 'written and read it is of another form')
  const { extensions: before, ...expected } = request
  // where a form has room for it, what was not said is written out
  if (rest.batch === true) expected.batch ??= true
  checkSame(rest, expected, 'written and read it differs')
  const plain = (all: typeof before): unknown => [...(all ?? [])].map(([key, item]) => [key, item.raw]).sort()
  checkSame(plain(extensions), plain(before), 'written and read its extensions differ')
}

function settle({ request }: DecodedRequest, limitRule: 'clamp' | 'refuse' | 'stream'): void {
  const settled = attempt(() => settleRequest(request, { now: 1_700_000_000, limitRule }), RequestError)
  if ('error' in settled) return
  const { lower, upper, limit } = settled.value
  check(lower <= upper && limit >= 1 && (limitRule === 'stream' || limit <= 1000), 'settled out of its range')
}

/** The decrypted payload of a request, as the reader of each network takes it. */
export const fuzz: FuzzTarget = input => {
  const onLibp2p = (payload: Uint8Array): DecodedRequest => decodeHistoryRequest(payload, { network: 'libp2p' })
  const libp2p = read(() => onLibp2p(input), RequestError)
  if (libp2p !== undefined) {
    checkSmall({ ...libp2p.request, extensions: undefined }, input)
    again(libp2p, onLibp2p)
    settle(libp2p, 'clamp')
  }
  const devp2p = read(() => decodeLegacyPayload(input), RequestError)
  if (devp2p !== undefined) {
    checkSmall(devp2p, input)
    settle(devp2p, 'refuse')
    settle(devp2p, 'stream')
    again(devp2p, decodeLegacyPayload)
  }
  return libp2p !== undefined || devp2p !== undefined
}
