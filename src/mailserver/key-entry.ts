import { peerIdFromString } from '@libp2p/peer-id'
import { fromHex, toHex } from '../wire/bytes.js'
import { checkBytes, checkString } from '../wire/checks.js'
import { printable } from '../wire/printable.js'
import { KeyRecordError, KeyringError } from './errors.js'

/** A symmetric key that requests may be sealed with. */
export interface KeyEntry {
  name: string
  /** 32 bytes. */
  key: Uint8Array
  /** PeerId as text: the only peer it is tried for, and the only kind of key tried for that peer. */
  peer?: string | undefined
  /** Unix seconds. */
  added: number
}

/** @throws {KeyringError} */
export function checkName(name: string): void {
  checkString(name, 'a key name', KeyringError)
  if (!/^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$/.test(name)) {
    throw new KeyringError(
      'a key name is 1 to 64 letters, digits, dots, dashes or underscores, the first a letter or digit'
    )
  }
}

/** @throws {KeyringError} */
export function checkKey(key: Uint8Array): void {
  checkBytes(key, 'a key', KeyringError, 32)
  if (key.every(byte => byte === 0)) throw new KeyringError('a key of zeros is no key')
}

export function encodeEntry({ key, peer, added }: KeyEntry): Uint8Array {
  return new TextEncoder().encode(JSON.stringify({ key: toHex(key), peer, added }))
}

/** @throws {KeyRecordError} */
export function decodeEntry(name: string, bytes: Uint8Array): KeyEntry {
  try {
    checkName(name)
    const { key, peer, added } = JSON.parse(new TextDecoder().decode(bytes)) as Record<string, unknown>
    const entry: KeyEntry = { name, key: fromHex(String(key)), added: Number(added) }
    checkKey(entry.key)
    if (peer !== undefined) entry.peer = peerIdFromString(String(peer)).toString()
    return entry
  } catch {
    // the cause may quote the key
    const text = printable(name)
    throw new KeyRecordError(
      `the record of the key ${text} cannot be read: "waku-mailserver keys remove ${text}" drops it, "keys add" makes it anew`
    )
  }
}
