import { shh6Status, waku0Status } from '../wire/packet/legacy-status.js'
import { PacketCode } from '../wire/packet/packet-code.js'
import { type StatusCodec, waku1Status } from '../wire/packet/status-codec.js'
import type { Capability as CapabilityId } from '../wire/request/dialect.js'
import type { Capability } from './capability.js'
import { INITIAL_MAX_BODY, MAX_BODY } from './capability-stream.js'

/** How one capability is spoken (protocols/devp2p.md). */
export interface CapabilityTraits extends Capability {
  readonly id: CapabilityId
  readonly status: StatusCodec
  /** Waku programs ignore a malformed packet, Whisper programs part over it. */
  readonly onMalformed: 'abort' | 'ignore'
}

const LENGTH = 128

const TRAITS: Readonly<Record<CapabilityId, CapabilityTraits>> = {
  'waku/1': { id: 'waku/1', name: 'waku', version: 1, length: LENGTH, status: waku1Status, onMalformed: 'ignore' },
  'waku/0': { id: 'waku/0', name: 'waku', version: 0, length: LENGTH, status: waku0Status, onMalformed: 'ignore' },
  'shh/6': { id: 'shh/6', name: 'shh', version: 6, length: LENGTH, status: shh6Status, onMalformed: 'abort' }
}

/** Packets that bring many things; all others are small. */
const LARGE_CODES: ReadonlySet<number> = new Set([
  PacketCode.Messages,
  PacketCode.MessageResponse,
  PacketCode.P2PMessage
])

/** The largest body of a packet, by its code, in bytes: a Status that names 10,000 topics takes 50 KB. */
export function limitOf(code: number): number {
  return LARGE_CODES.has(code) ? MAX_BODY : INITIAL_MAX_BODY
}

/** Every capability that is spoken. */
export const ALL_CAPABILITIES: readonly CapabilityId[] = ['waku/1', 'waku/0', 'shh/6']

export function traitsOf(name: string, version: number): CapabilityTraits {
  return TRAITS[`${name}/${version}` as CapabilityId]
}

/** What is offered in Hello. */
export function offer(ids: readonly CapabilityId[]): Capability[] {
  return ids.map(id => {
    const { name, version, length } = TRAITS[id]
    return { name, version, length }
  })
}
