import { concatBytes, isUint32, MAX_UINT32, toHex } from './bytes.js'
import { MalformedError, UnencodableError } from './errors.js'
import { keccak256 } from './keccak.js'
import {
  decodeBigUint,
  decodeList,
  decodeUint,
  encodeList,
  encodeString,
  encodeUint,
  listHeader,
  type RlpItem
} from './rlp.js'

export interface EnvelopeFields {
  /** Unix seconds, 0..2^32-1. */
  readonly expiry: number
  /** Seconds, 0..2^32-1. */
  readonly ttl: number
  /** 4 bytes. */
  readonly topic: Uint8Array
  readonly data: Uint8Array
  /** 0..2^64-1. */
  readonly nonce: bigint
}

/** An envelope is its bytes: the fields are a view over them, hashes are computed when first asked for. */
export class Envelope implements EnvelopeFields {
  readonly raw: Uint8Array
  readonly expiry: number
  readonly ttl: number
  readonly topic: Uint8Array
  readonly data: Uint8Array
  readonly #nonce: RlpItem
  readonly #beforeNonce: number
  #hash: Uint8Array | undefined
  #hashHex: string | undefined
  #powHash: Uint8Array | undefined

  /** Made by `decodeEnvelope` and `encodeEnvelope` only. */
  constructor(raw: Uint8Array, items: RlpItem[]) {
    const [expiry, ttl, topic, data, nonce] = items as [RlpItem, RlpItem, RlpItem, RlpItem, RlpItem]
    this.raw = raw
    this.expiry = decodeUint(expiry, { max: MAX_UINT32 })
    this.ttl = decodeUint(ttl, { max: MAX_UINT32 })
    if (topic.isList || topic.payload.length !== 4) throw new MalformedError('a topic is not 4 bytes')
    this.topic = topic.payload
    if (data.isList) throw new MalformedError('the data of an envelope is a list')
    this.data = data.payload
    const nonceBytes = nonce.payload
    if (nonce.isList || nonceBytes.length > 8 || nonceBytes[0] === 0) throw new MalformedError('a nonce is no integer')
    this.#nonce = nonce
    this.#beforeNonce = raw.length - nonce.raw.length
  }

  get nonce(): bigint {
    return decodeBigUint(this.#nonce, { bytes: 8 })
  }

  /** Creation time, Unix seconds: expiry - ttl modulo 2^32. */
  get sent(): number {
    return (this.expiry - this.ttl) >>> 0
  }

  /** Bytes of the whole envelope. */
  get size(): number {
    return this.raw.length
  }

  /** Keccak-256 of the raw bytes: the identity of the envelope. 32 bytes. */
  get hash(): Uint8Array {
    this.#hash ??= keccak256(this.raw)
    return this.#hash
  }

  /** The same as 64 hexadecimal digits. */
  get hashHex(): string {
    this.#hashHex ??= toHex(this.hash)
    return this.#hashHex
  }

  /** Keccak-256 of `shortRlp() ‖ nonce as 8 bytes`: what the proof of work is about (6/WAKU1). 32 bytes. */
  get powHash(): Uint8Array {
    if (this.#powHash === undefined) {
      const nonce = this.#nonce.payload
      this.#powHash = keccak256(concatBytes(this.shortRlp(), new Uint8Array(8 - nonce.length), nonce))
    }
    return this.#powHash
  }

  /** The envelope as a list without its nonce. */
  shortRlp(): Uint8Array {
    const items = this.raw.subarray(this.#firstItem(), this.#beforeNonce)
    return concatBytes(listHeader(items.length), items)
  }

  /** Bytes of `shortRlp()`. */
  get shortSize(): number {
    const length = this.#beforeNonce - this.#firstItem()
    return listHeader(length).length + length
  }

  #firstItem(): number {
    const first = this.raw[0] as number
    return first > 0xf7 ? first - 0xf7 + 1 : 1
  }
}

/**
 * Reads an envelope (6/WAKU1) in strictly canonical form. Nothing is copied: `raw` must not change afterwards.
 * @throws MalformedError
 */
export function decodeEnvelope(raw: Uint8Array): Envelope {
  const items = decodeList(raw, { max: 5 })
  if (items.length !== 5) throw new MalformedError('an envelope has 5 items')
  return new Envelope(raw, items)
}

/** The four fields before the nonce, as a list: what is hashed with the nonce for the proof of work. */
export function encodeShortRlp(fields: Omit<EnvelopeFields, 'nonce'>): Uint8Array {
  return encodeList(fieldItems(fields))
}

/** @throws UnencodableError when a field is out of its range */
export function encodeEnvelope(fields: EnvelopeFields): Envelope {
  if (fields.nonce < 0n || fields.nonce >= 1n << 64n) throw new UnencodableError('a nonce has at most 64 bits')
  return decodeEnvelope(encodeList([...fieldItems(fields), encodeUint(fields.nonce)]))
}

function fieldItems({ expiry, ttl, topic, data }: Omit<EnvelopeFields, 'nonce'>): Uint8Array[] {
  if (!isUint32(expiry)) throw new UnencodableError('expiry is an integer of 32 bits')
  if (!isUint32(ttl)) throw new UnencodableError('ttl is an integer of 32 bits')
  if (topic.length !== 4) throw new UnencodableError('a topic is 4 bytes')
  return [encodeUint(expiry), encodeUint(ttl), encodeString(topic), encodeString(data)]
}
