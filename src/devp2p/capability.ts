import { MalformedError } from '../wire/errors.js'
import { decodeItem, decodeUint } from '../wire/rlp.js'
import type { CapabilityName } from './hello.js'

/** A subprotocol we offer. */
export interface Capability extends CapabilityName {
  /** How many message codes it has. */
  length: number
}

/** A subprotocol both sides offer, with the message ids it was given. */
export interface SharedCapability extends Capability {
  /** Message id of its code 0. */
  offset: number
}

/** Ids below this belong to the p2p capability. */
export const BASE_LENGTH = 0x10

/**
 * What two peers share, in the order of their message ids: sorted by name, the highest shared version of each
 * (RLPx "Message-ID Based Multiplexing").
 */
export function shareCapabilities(ours: readonly Capability[], theirs: readonly CapabilityName[]): SharedCapability[] {
  const highest = new Map<string, Capability>()
  for (const capability of ours) {
    if (!theirs.some(({ name, version }) => name === capability.name && version === capability.version)) continue
    const best = highest.get(capability.name)
    if (best === undefined || best.version < capability.version) highest.set(capability.name, capability)
  }
  let offset = BASE_LENGTH
  return [...highest.values()]
    .sort((a, b) => (a.name < b.name ? -1 : 1))
    .map(({ name, version, length }) => {
      const shared = { name, version, length, offset }
      offset += length
      return shared
    })
}

/** Splits a message into its id, an RLP integer of one to three bytes, and its payload. */
export function splitMessage(message: Uint8Array): { id: number; payload: Uint8Array } {
  const first = message[0] as number
  // nearly all have an id of one byte
  if (first > 0 && first < 0x80) return { id: first, payload: message.subarray(1) }
  const width = first > 0x80 && first <= 0x88 ? first - 0x7f : 1
  if (message.length < width || first > 0x88) throw new MalformedError('a message without an id')
  const id = decodeUint(decodeItem(message.subarray(0, width)), { max: 0xffff })
  return { id, payload: message.subarray(width) }
}
