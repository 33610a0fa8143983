import type { PrivateKey } from '@libp2p/interface'
import { secp256k1 } from '@noble/curves/secp256k1.js'

/** A pair of secp256k1: the private key, 32 bytes, opens what was sealed with the public one, 65 bytes. */
export interface Identity {
  publicKey: Uint8Array
  privateKey: Uint8Array
}

/** The one that is named, or that of the node where its key is such a one. */
export function identityOf(identity: Uint8Array | undefined, key: PrivateKey | undefined): Identity | undefined {
  const privateKey = identity ?? (key?.type === 'secp256k1' ? key.raw : undefined)
  return privateKey && { privateKey, publicKey: secp256k1.getPublicKey(privateKey, false) }
}
