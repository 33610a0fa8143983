import { concatBytes, isUint32, readUint32, toHex } from '../bytes.js'
import { checkBytes } from '../checks.js'
import { MalformedError, UnencodableError } from '../errors.js'
import { keccak256, leadingZeroBits } from '../keccak.js'
import { encodeList, encodeString, encodeUint, headerLength, ItemReader, listHeader } from '../rlp.js'

const NONCE_BYTES = 8
const HASH_BYTES = 32
/** Every envelope that is heard is hashed here: most fit. */
const scratch = new Uint8Array(4096)

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

/** What hashing an envelope brings. */
export interface EnvelopeDigest {
  /** Keccak-256 of its raw bytes, 32 bytes. */
  readonly hash: Uint8Array
  /** Leading zero bits of what its proof of work is about, 0..256, where that was hashed too. */
  readonly powBits?: number | undefined
}

/**
 * An envelope is its bytes: the fields are a view over them, cut out and hashed when first asked for. What travels in bulk
 * is mostly only judged by its times and topic.
 */
export class Envelope implements EnvelopeFields {
  readonly expiry: number
  readonly ttl: number
  /** Its bytes; where it was moved to, those and its hash among others. */
  #memory: Uint8Array
  #at = 0
  /** Bytes of the whole envelope. */
  readonly size: number
  readonly #itemsAt: number
  readonly #topicAt: number
  readonly #dataAt: number
  readonly #dataEnd: number
  readonly #nonceAt: number
  #hash: Uint8Array | undefined
  #hashHex: string | undefined
  #powBits: number | undefined

  /**
   * Made by `decodeEnvelope` and `encodeEnvelope` only.
   *
   * @throws MalformedError
   */
  constructor(raw: Uint8Array, digest?: EnvelopeDigest) {
    this.#hash = digest?.hash
    this.#powBits = digest?.powBits
    const list = new ItemReader(raw, 0, raw.length)
    list.next()
    if (!list.isList || !list.done) throw new MalformedError('an envelope is one list')
    const item = new ItemReader(raw, list.body, raw.length)
    this.#memory = raw
    this.size = raw.length
    this.#itemsAt = list.body
    this.expiry = readUint32Item(item)
    this.ttl = readUint32Item(item)
    item.next()
    if (item.isList || item.end - item.body !== 4) throw new MalformedError('a topic is not 4 bytes')
    this.#topicAt = item.body
    item.next()
    if (item.isList) throw new MalformedError('the data of an envelope is a list')
    this.#dataAt = item.body
    this.#dataEnd = item.end
    item.next()
    if (item.isList || item.end - item.body > 8 || (item.end > item.body && raw[item.body] === 0)) {
      throw new MalformedError('a nonce is no integer')
    }
    this.#nonceAt = item.body
    if (!item.done) throw new MalformedError('an envelope has 5 items')
  }

  /** As it travels and is stored: what its hash is of. */
  get raw(): Uint8Array {
    // a view of each field, kept for every envelope that is heard, would take more room than the envelope
    return this.#moved ? this.#memory.subarray(this.#at, this.#at + this.size) : this.#memory
  }

  get topic(): Uint8Array {
    return this.#memory.subarray(this.#at + this.#topicAt, this.#at + this.#topicAt + 4)
  }

  /** The topic as an integer of 32 bits, big-endian. */
  get topicNumber(): number {
    return readUint32(this.#memory, this.#at + this.#topicAt)
  }

  get data(): Uint8Array {
    return this.#memory.subarray(this.#at + this.#dataAt, this.#at + this.#dataEnd)
  }

  /** Bytes of `data`. */
  get dataSize(): number {
    return this.#dataEnd - this.#dataAt
  }

  get nonce(): bigint {
    let value = 0n
    for (const byte of this.raw.subarray(this.#nonceAt)) value = (value << 8n) | BigInt(byte)
    return value
  }

  /** Creation time, Unix seconds: expiry - ttl modulo 2^32. */
  get sent(): number {
    return (this.expiry - this.ttl) >>> 0
  }

  /** Keccak-256 of the raw bytes: the identity of the envelope. 32 bytes. */
  get hash(): Uint8Array {
    if (this.#moved) return this.#memory.slice(this.#at + this.size, this.#at + this.roomSize)
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
    return keccak256(this.#minedBytes())
  }

  /** Leading zero bits of `powHash`, 0..256. */
  get powBits(): number {
    this.#powBits ??= leadingZeroBits(this.powHash)
    return this.#powBits
  }

  /** Bytes of memory that `moveTo` takes. */
  get roomSize(): number {
    return this.size + HASH_BYTES
  }

  /**
   * Copies the raw bytes and the hash to other memory, at an offset, and keeps them there instead of where they came.
   * @throws RangeError when they do not fit
   */
  moveTo(memory: Uint8Array, at: number): void {
    const { hash } = this
    if (at + this.roomSize > memory.length) throw new RangeError('there is no room for the envelope')
    memory.set(this.raw, at)
    memory.set(hash, at + this.size)
    this.#memory = memory
    this.#at = at
    this.#hash = undefined
  }

  get #moved(): boolean {
    return this.#memory.length > this.size
  }

  /** What is hashed for the proof of work; valid until the next call on any envelope. */
  #minedBytes(): Uint8Array {
    const { raw } = this
    const header = listHeader(this.#dataEnd - this.#itemsAt)
    const length = this.shortSize + NONCE_BYTES
    const bytes = length > scratch.length ? new Uint8Array(length) : scratch.subarray(0, length)
    bytes.set(header)
    bytes.set(raw.subarray(this.#itemsAt, this.#dataEnd), header.length)
    const nonce = raw.subarray(this.#nonceAt)
    bytes.fill(0, length - NONCE_BYTES)
    bytes.set(nonce, length - nonce.length)
    return bytes
  }

  /** The envelope as a list without its nonce. */
  shortRlp(): Uint8Array {
    const items = this.raw.subarray(this.#itemsAt, this.#dataEnd)
    return concatBytes(listHeader(items.length), items)
  }

  /** Length of `shortRlp()`. */
  get shortSize(): number {
    const length = this.#dataEnd - this.#itemsAt
    return length + headerLength(length)
  }
}

/** A canonical integer of at most 32 bits. */
function readUint32Item(item: ItemReader): number {
  item.next()
  const { bytes, body, end } = item
  if (item.isList) throw new MalformedError('an integer was expected')
  if (end > body && bytes[body] === 0) throw new MalformedError('an integer has a leading zero')
  if (end - body > 4) throw new MalformedError('an integer has more than 32 bits')
  let value = 0
  for (let at = body; at < end; at++) value = value * 256 + (bytes[at] as number)
  return value
}

/**
 * Reads an envelope (6/WAKU1) in strictly canonical form. Nothing is copied: `raw` must not change as long as it is used.
 * @param digest of these bytes, where they were hashed before: it is believed
 * @throws MalformedError
 */
export function decodeEnvelope(raw: Uint8Array, digest?: EnvelopeDigest): Envelope {
  checkBytes(raw, 'an envelope', MalformedError)
  return new Envelope(raw, digest)
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
  checkBytes(topic, 'a topic', UnencodableError, 4)
  checkBytes(data, 'the data of an envelope', UnencodableError)
  return [encodeUint(expiry), encodeUint(ttl), encodeString(topic), encodeString(data)]
}
