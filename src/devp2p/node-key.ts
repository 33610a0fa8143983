import { privateKeyFromRaw } from '@libp2p/crypto/keys'
import type { PeerId, PrivateKey } from '@libp2p/interface'
import { peerIdFromPrivateKey } from '@libp2p/peer-id'
import { type RecoverableSignature, recover, signRecoverable } from 'tiny-secp256k1'
import { type CurveKey, fleetingKey, lastingKey } from './curve.js'

/** A secp256k1 key pair: the node's own, or the ephemeral one of a handshake. */
export class NodeKey {
  /** 32 bytes. */
  readonly privateKey: Uint8Array
  /** 65 bytes, uncompressed. */
  readonly publicKey: Uint8Array
  readonly #key: CurveKey

  /** @param key its private key, 32 bytes; random when absent */
  constructor(key?: Uint8Array | CurveKey) {
    this.#key = key !== undefined && 'agree' in key ? key : lastingKey(key)
    this.publicKey = this.#key.publicKey
    this.privateKey = this.#key.privateKey
  }

  /** One that will agree on a secret once. */
  static fleeting(): NodeKey {
    return new NodeKey(fleetingKey())
  }

  /** The libp2p key of the same identity; only secp256k1 keys have a node id. */
  static fromPrivateKey(key: PrivateKey): NodeKey {
    if (key.type !== 'secp256k1') throw new TypeError(`a devp2p node needs a secp256k1 key, not ${key.type}`)
    return new NodeKey(key.raw)
  }

  /** 64 bytes: the public key without its prefix. */
  get id(): Uint8Array {
    return this.publicKey.subarray(1)
  }

  get peerId(): PeerId {
    return peerIdFromPrivateKey(privateKeyFromRaw(this.privateKey))
  }

  /** The x coordinate (32 bytes) of the point shared with the holder of `publicKey` (65 bytes). Throws for no point. */
  ecdh(publicKey: Uint8Array): Uint8Array {
    return this.#key.agree(publicKey)
  }

  /** 65 bytes `r ‖ s ‖ v` over a 32-byte digest, v = 0 or 1. */
  sign(digest: Uint8Array): Uint8Array {
    const signed = signRecoverable(digest, this.privateKey)
    const signature = new Uint8Array(65)
    signature.set(signed.signature)
    signature[64] = signed.recoveryId
    return signature
  }
}

/** The public key (65 bytes) that made a signature `r ‖ s ‖ v` over a 32-byte digest; throws when there is none. */
export function recoverPublicKey(signature: Uint8Array, digest: Uint8Array): Uint8Array {
  const recoveryId = signature[64] as RecoverableSignature['recoveryId']
  const key = recover(digest, signature.subarray(0, 64), recoveryId, false)
  if (key === null) throw new Error('no key made that signature')
  return key
}
