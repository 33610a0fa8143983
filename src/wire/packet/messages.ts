import { MalformedError } from '../errors.js'
import { keccak256 } from '../keccak.js'
import { decodeItem, decodeList, encodeList, ItemReader, MAX_ITEMS, type RlpItem } from '../rlp.js'

/** Most envelopes one packet may hold. */
export const MAX_ENVELOPES: number = MAX_ITEMS

/** A packet with one envelope is this much longer than the envelope, in bytes. */
export const PACKET_OVERHEAD = 9
/** The largest packet that every peer takes, in bytes. */
export const MAX_PACKET: number = 1024 * 1024
/** The largest envelope that fits one, in bytes. */
export const MAX_PACKED_ENVELOPE: number = MAX_PACKET - PACKET_OVERHEAD

/** The body of a Messages packet (0x01) or of a P2P Message (0x7f): the envelopes as they came, in a list. */
export function encodeMessages(raws: readonly Uint8Array[]): Uint8Array {
  return encodeList(raws)
}

/**
 * The items of a Messages body, not looked at yet: each envelope is judged alone.
 * @throws MalformedError when the body is no list, or of more than 16384 items
 */
export function splitMessages(body: Uint8Array): RlpItem[] {
  return decodeList(body, { max: MAX_ENVELOPES })
}

/**
 * The same one after the other, once it is known that all are there: of a packet that waits to be judged, an object for each item
 * would take twenty times as much memory as the packet.
 */
export class MessageItems {
  /** How many there are. */
  readonly length: number
  readonly #reader: ItemReader

  /** @throws MalformedError as `splitMessages` does */
  constructor(body: Uint8Array) {
    const { isList, payload } = decodeItem(body)
    if (!isList) throw new MalformedError('a list was expected')
    let length = 0
    for (const reader = new ItemReader(payload, 0, payload.length); !reader.done; reader.next()) {
      if (length === MAX_ENVELOPES) throw new MalformedError(`a list holds more than ${MAX_ENVELOPES} items`)
      length++
    }
    this.length = length
    this.#reader = new ItemReader(payload, 0, payload.length)
  }

  /**
   * The next one as it came, a view; to be called `length` times.
   *
   * @throws MalformedError when there is no more
   */
  next(): Uint8Array {
    const reader = this.#reader
    reader.next()
    return reader.bytes.subarray(reader.start, reader.end)
  }
}

/** What a Batch Ack and a Message Response name a Messages packet by: Keccak-256 of its body, 32 bytes. */
export function batchHash(body: Uint8Array): Uint8Array {
  return keccak256(body)
}
