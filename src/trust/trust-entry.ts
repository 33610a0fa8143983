import { peerIdFromString } from '@libp2p/peer-id'
import { checkNames, checkString } from '../wire/checks.js'
import { printable } from '../wire/printable.js'
import { TrustEntryError, TrustRecordError } from './errors.js'

/** A peer that may deliver expired envelopes to us. */
export interface TrustEntry {
  /** PeerId as text. */
  peer: string
  /** For people; one printable line of at most 200 bytes. */
  label?: string | undefined
  /** Unix seconds. */
  added: number
  /** Unix seconds from which on the peer is no longer trusted; for ever when absent. */
  expires?: number | undefined
  /** Most bytes of 0x7f bodies taken in any 24 hours; without end when absent. */
  bytesPerDay?: number | undefined
}

export interface TrustOptions {
  /** One line; what cannot be printed is left out. */
  label?: string | undefined
  /** Unix seconds, after now. */
  expires?: number | undefined
  /** 0 or more. */
  bytesPerDay?: number | undefined
}

/** @throws {TrustEntryError} */
export function makeEntry(peer: string, options: TrustOptions, now: number): TrustEntry {
  checkNames(options, 'what is said of a peer', 'label expires bytesPerDay', TrustEntryError)
  if (options.label !== undefined) checkString(options.label, 'a label', TrustEntryError)
  const entry: TrustEntry = { peer, added: Math.floor(now) }
  const label = options.label === undefined ? '' : printable(options.label)
  if (label !== '') entry.label = label
  if (options.expires !== undefined) {
    if (!isCount(options.expires) || options.expires <= now) throw new TrustEntryError('trust must expire after now')
    entry.expires = options.expires
  }
  if (options.bytesPerDay !== undefined) {
    if (!isCount(options.bytesPerDay)) throw new TrustEntryError('a byte budget is an integer of 0 or more')
    entry.bytesPerDay = options.bytesPerDay
  }
  return entry
}

export function encodeEntry({ label, added, expires, bytesPerDay }: TrustEntry): Uint8Array {
  return new TextEncoder().encode(JSON.stringify({ label, added, expires, bytesPerDay }))
}

/** @throws {TrustRecordError} */
export function decodeEntry(peer: string, bytes: Uint8Array): TrustEntry {
  try {
    const entry: TrustEntry = { peer: peerIdFromString(peer).toString(), added: 0 }
    const { label, added, expires, bytesPerDay } = JSON.parse(new TextDecoder().decode(bytes)) as Record<
      string,
      unknown
    >
    if (!isCount(added)) throw new Error('added')
    entry.added = added
    if (label !== undefined) entry.label = printable(String(label))
    if (expires !== undefined) {
      if (!isCount(expires)) throw new Error('expires')
      entry.expires = expires
    }
    if (bytesPerDay !== undefined) {
      if (!isCount(bytesPerDay)) throw new Error('bytesPerDay')
      entry.bytesPerDay = bytesPerDay
    }
    return entry
  } catch (cause) {
    const name = printable(peer)
    throw new TrustRecordError(
      `the trust record of ${name} cannot be read, and trusts nobody: "waku-mailserver trust remove ${name}" drops it`,
      { cause }
    )
  }
}

function isCount(value: unknown): value is number {
  return Number.isSafeInteger(value) && (value as number) >= 0
}
