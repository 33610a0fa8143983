import { ctr } from '@noble/ciphers/aes.js'
import { secp256k1 } from '@noble/curves/secp256k1.js'
import { hmac } from '@noble/hashes/hmac.js'
import { sha256 } from '@noble/hashes/sha2.js'

/** Bytes that ECIES adds: ephemeral public key (65), iv (16), tag (32). */
export const ECIES_OVERHEAD = 113

const KEY_BYTES = 65
const IV_BYTES = 16
const TAG_BYTES = 32
const UNCOMPRESSED = 0x04
const KDF_COUNTER = Uint8Array.of(0, 0, 0, 1)
const NOTHING = new Uint8Array(0)

/** The x coordinate (32 bytes) of `privateKey · publicKey`; throws when the public key is no point of the curve. */
export type Ecdh = (privateKey: Uint8Array, publicKey: Uint8Array) => Uint8Array

interface EciesOptions {
  /** Covered by the tag without being sent: the size prefix of an EIP-8 handshake packet. Default: nothing. */
  macData?: Uint8Array | undefined
}

export interface EciesOpenOptions extends EciesOptions {
  /** A faster ECDH of the platform. Default: @noble/curves. */
  ecdh?: Ecdh | undefined
}

/** The key pair of one message. */
export interface SealingKey {
  /** 65 bytes. */
  publicKey: Uint8Array
  /** The x coordinate (32 bytes) of the point shared with the holder of `publicKey`; throws for no point. */
  ecdh(publicKey: Uint8Array): Uint8Array
}

export interface EciesSealOptions extends EciesOptions {
  /** Of the platform, or for reproducing known bytes. Default: a random one of @noble/curves. */
  ephemeral?: SealingKey | undefined
  /** 16 bytes; only for reproducing known bytes. Default: random. */
  iv?: Uint8Array | undefined
}

/**
 * Seals for a secp256k1 public key, as devp2p and 26/WAKU2-PAYLOAD do: `R(65) ‖ iv(16) ‖ AES-128-CTR ‖ HMAC-SHA256(32)`.
 *
 * @param publicKey 33 or 65 bytes
 * @throws RangeError for an empty plaintext, which deployed readers refuse
 */
export function eciesSeal(plain: Uint8Array, publicKey: Uint8Array, options: EciesSealOptions = {}): Uint8Array {
  if (plain.length === 0) throw new RangeError('ECIES cannot seal an empty message')
  const ephemeral = options.ephemeral ?? randomKey()
  const iv = options.iv ?? crypto.getRandomValues(new Uint8Array(IV_BYTES))
  const keys = deriveKeys(ephemeral.ecdh(publicKey))

  const sealed = new Uint8Array(plain.length + ECIES_OVERHEAD)
  sealed.set(ephemeral.publicKey, 0)
  sealed.set(iv, KEY_BYTES)
  sealed.set(ctr(keys.encryption, iv).encrypt(plain), KEY_BYTES + IV_BYTES)
  const tagged = sealed.subarray(KEY_BYTES, sealed.length - TAG_BYTES)
  sealed.set(tag(keys.mac, tagged, options.macData), sealed.length - TAG_BYTES)
  return sealed
}

/**
 * Opens what {@link eciesSeal} or a deployed peer sealed; the tag is checked in constant time before anything is decrypted.
 * `undefined`: it is not for this key, or was altered.
 *
 * @param privateKey 32 bytes
 */
export function eciesOpen(
  sealed: Uint8Array,
  privateKey: Uint8Array,
  options: EciesOpenOptions = {}
): Uint8Array | undefined {
  if (sealed.length <= ECIES_OVERHEAD || sealed[0] !== UNCOMPRESSED) return undefined
  let shared: Uint8Array
  try {
    shared = (options.ecdh ?? nobleEcdh)(privateKey, sealed.subarray(0, KEY_BYTES))
  } catch {
    return undefined
  }
  const keys = deriveKeys(shared)
  const end = sealed.length - TAG_BYTES
  const expected = tag(keys.mac, sealed.subarray(KEY_BYTES, end), options.macData)
  if (!sameTag(expected, sealed.subarray(end))) return undefined
  const iv = sealed.slice(KEY_BYTES, KEY_BYTES + IV_BYTES)
  return ctr(keys.encryption, iv).decrypt(sealed.slice(KEY_BYTES + IV_BYTES, end))
}

function randomKey(): SealingKey {
  const privateKey = secp256k1.utils.randomSecretKey()
  return {
    publicKey: secp256k1.getPublicKey(privateKey, false),
    ecdh: publicKey => nobleEcdh(privateKey, publicKey)
  }
}

function nobleEcdh(privateKey: Uint8Array, publicKey: Uint8Array): Uint8Array {
  return secp256k1.getSharedSecret(privateKey, publicKey, true).subarray(1)
}

/** One round of the concatenation KDF gives 32 bytes: the encryption key and the seed of the tag's key. */
function deriveKeys(shared: Uint8Array): { encryption: Uint8Array; mac: Uint8Array } {
  const derived = sha256.create().update(KDF_COUNTER).update(shared).digest()
  return { encryption: derived.subarray(0, 16), mac: sha256(derived.subarray(16)) }
}

function tag(key: Uint8Array, tagged: Uint8Array, macData: Uint8Array = NOTHING): Uint8Array {
  return hmac.create(sha256, key).update(tagged).update(macData).digest()
}

function sameTag(a: Uint8Array, b: Uint8Array): boolean {
  let difference = a.length ^ b.length
  for (let i = 0; i < TAG_BYTES; i++) difference |= (a[i] ?? 0) ^ (b[i] ?? 0)
  return difference === 0
}
