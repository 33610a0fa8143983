export { type DecodedRequest, decodeHistoryRequest } from './request-decoder.js'
export { encodeHistoryRequest } from './request-encoder.js'
export {
  type Dialect,
  type HistoryRequest,
  MAX_LIMIT,
  MAX_REQUEST_TOPICS,
  type PlainDialect,
  RANGE_AHEAD,
  type RawDialect
} from './request-shape.js'
export { type LimitRule, type SettledRequest, settleRequest } from './settled-request.js'
