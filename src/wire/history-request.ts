export { type DecodedRequest, decodeHistoryRequest } from './request-decoder.js'
export { encodeHistoryRequest } from './request-encoder.js'
export { type Dialect, type HistoryRequest, MAX_REQUEST_TOPICS } from './request-shape.js'
export { type SettledRequest, settleRequest } from './settled-request.js'
