import {
  createPrivateKey,
  createPublicKey,
  diffieHellman,
  generateKeyPairSync,
  hkdfSync,
  type KeyObject
} from 'node:crypto'
import { type ICryptoInterface, type KeyPair, type NoiseComponents, noise, pureJsCrypto } from '@chainsafe/libp2p-noise'
import type { ConnectionEncrypter, PrivateKey } from '@libp2p/interface'
import type { Uint8ArrayList } from 'uint8arraylist'

/**
 * Noise as libp2p's own, at a fraction of its price for a handshake: keys stay keys of OpenSSL from one step to the next
 * instead of being read anew from DER, which costs ten times what is done with them, and the node signs its one static key
 * once.
 */
export function quickNoise(): (components: NoiseComponents) => ConnectionEncrypter {
  return components => {
    const { encrypt, decrypt, hash } = ownCrypto(components)
    const quick = noise({
      crypto: {
        ...pureJsCrypto,
        ...x25519(),
        getHKDF,
        hashSHA256: hash,
        chaCha20Poly1305Encrypt: encrypt,
        chaCha20Poly1305Decrypt: decrypt
      }
    })
    const privateKey = signingOnce(components.privateKey)
    // not copied: libp2p's components come one by one
    const made = quick(
      new Proxy(components, { get: (all, name) => (name === 'privateKey' ? privateKey : Reflect.get(all, name)) })
    )
    const { secureInbound, secureOutbound } = made
    made.secureInbound = async (...args) => withQuickLengths(await secureInbound.apply(made, args))
    made.secureOutbound = async (...args) => withQuickLengths(await secureOutbound.apply(made, args))
    return made
  }
}

const INCOMPLETE = new RangeError('a length of two bytes is not here yet')

/** Noise asks for the next length after each message, and is told by an error that none is here: made anew, it would remember where. */
function withQuickLengths<T extends { connection: unknown }>(secured: T): T {
  const { decoder } = secured.connection as { decoder: { lengthDecoder(bytes: Bytes): number } }
  decoder.lengthDecoder = bytes => {
    if (bytes.byteLength < 2) throw INCOMPLETE
    return bytes instanceof Uint8Array ? ((bytes[0] as number) << 8) | (bytes[1] as number) : bytes.getUint16(0)
  }
  return secured
}

type Bytes = Uint8Array | Uint8ArrayList

interface OwnCrypto {
  encrypt: ICryptoInterface['chaCha20Poly1305Encrypt']
  decrypt: ICryptoInterface['chaCha20Poly1305Decrypt']
  hash: ICryptoInterface['hashSHA256']
}

/** What noise uses by default, which is not exported: for messages it has the faster implementation for each size. */
function ownCrypto(components: NoiseComponents): OwnCrypto {
  return (noise()(components) as unknown as { crypto: OwnCrypto }).crypto
}

type X25519 = Pick<ICryptoInterface, 'generateX25519KeyPair' | 'generateX25519SharedKey'>

function x25519(): X25519 {
  /** By the bytes that noise holds of them. */
  const keys = new WeakMap<Uint8Array, KeyObject>()
  return {
    generateX25519KeyPair(): KeyPair {
      const pair = generateKeyPairSync('x25519')
      const { x, d } = pair.privateKey.export({ format: 'jwk' })
      const privateKey = bytesOf(d as string)
      keys.set(privateKey, pair.privateKey)
      return { publicKey: bytesOf(x as string), privateKey }
    },
    generateX25519SharedKey(privateKey, publicKey) {
      const raw = privateKey.subarray()
      return diffieHellman({
        privateKey: keys.get(raw) ?? keys.get(privateKey as Uint8Array) ?? privateKeyOf(raw),
        // a raw key in JSON is read at once, one in DER takes four times as long
        publicKey: createPublicKey({
          key: { kty: 'OKP', crv: 'X25519', x: textOf(publicKey.subarray()) },
          format: 'jwk'
        })
      })
    }
  }
}

function privateKeyOf(raw: Uint8Array): KeyObject {
  const x = textOf(pureJsCrypto.generateX25519KeyPairFromSeed(raw).publicKey)
  return createPrivateKey({ key: { kty: 'OKP', crv: 'X25519', x, d: textOf(raw) }, format: 'jwk' })
}

const NOTHING = new Uint8Array(0)

const getHKDF: ICryptoInterface['getHKDF'] = (salt, input) => {
  const out = new Uint8Array(hkdfSync('sha256', input, salt, NOTHING, 96))
  return [out.subarray(0, 32), out.subarray(32, 64), out.subarray(64)]
}

/** A key that remembers what it signed last: noise has the same signed for each connection. */
function signingOnce(key: PrivateKey): PrivateKey {
  let last: { message: string; signature: Uint8Array } | undefined
  const sign: PrivateKey['sign'] = async (message, options) => {
    const text = textOf(message.subarray())
    if (last?.message === text) return last.signature
    const signature = await key.sign(message, options)
    last = { message: text, signature }
    return signature
  }
  return new Proxy(key, { get: (all, name) => (name === 'sign' ? sign : Reflect.get(all, name)) })
}

function textOf(bytes: Uint8Array): string {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString('base64url')
}

function bytesOf(text: string): Uint8Array {
  // of its own: a slice of Node's pool would keep all of it
  return Uint8Array.from(Buffer.from(text, 'base64url'))
}
