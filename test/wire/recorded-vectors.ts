/** The shapes of the recorded files, as far as they are read here. All bytes are hexadecimal without `0x`. */

export interface EnvelopeVector {
  name: string
  expiry: number
  ttl: number
  topic: string
  data: string
  nonce: string
  sent: number
  rlp: string
  rlpWithoutNonce: string
  hash: string
  cursor: string
  powHash: string
  powFloat64Bits: string
  bloom: string
  targetPow?: number
}

export interface EnvelopeFile {
  envelopes: EnvelopeVector[]
  sealed: EnvelopeVector[]
}

export interface BloomFile {
  topics: { topic: string; bloom: string; bloomOrSemantics: string }[]
  match: { name: string; filter: string; sample: string; match: boolean; filterIsFullNode: boolean }[]
}

export interface KeyFile {
  vectors: { password: string; key: string }[]
}

export interface PayloadFile {
  symKey: string
  vectors: {
    envelopeRlp: string
    data: string
    plaintext: string
    salt: string
    openedPayload: string
    padding: string
    signed: boolean
    srcPub?: string
  }[]
}

export interface StatusFile {
  waku1: { payload: string }[]
  waku1StatusUpdate: { payload: string }[]
  emittedByRealNodes: { proto: string; payload: string }[]
  waku1DecodeLeniency: { name: string; payload: string; ok: boolean }[]
}

export interface MessagesFile {
  messages: { payload: string; envelopes: string[]; batchHash: string }[]
  batchAck: { payload: string; batchHash: string }[]
  messageResponse: {
    payload: string
    batchHash: string
    errors: { Hash: string; Code: number; Description: string }[]
  }[]
}

export interface P2PMessageFile {
  envelopes: string[]
  batch: string
  batchOfOne: string
  'single(geth v1.8.27 / EIP-627)': string
}

export interface RequestFile {
  password: string
  symKey: string
  encrypted: {
    fields: {
      Lower: number
      Upper: number
      Bloom: string
      Limit: number
      Cursor: string
      Topics: string[]
      Batch: boolean
    }
    payloadRlp: string
    symEnvelopePacket: string
    requestID: string
  }[]
  payloadDecodeStrictness: { name: string; payload: string }[]
}

export interface Shh6File {
  kdf: { password: string; key: string }
  messages: { payload: string; batchHash: string; e1hash: string; e2hash: string }
  batchAck: { payload: string }
  messageResponse: { payload: string }
  p2pMessage: { batch: string; single: string }
}

export interface GethFile {
  envelopes: {
    rlp: string
    hash: string
    dbKey: string
    data: string
    topic: string
    nonce: string
    ttl: number
    expiry: number
  }[]
}
