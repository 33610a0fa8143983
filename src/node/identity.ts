import { generateKeyPair, privateKeyFromRaw } from '@libp2p/crypto/keys'
import type { PrivateKey } from '@libp2p/interface'
import { fromHex, toHex } from '../wire/bytes.js'
import { readIfThere, writePrivateFile } from './private-file.js'

/** The identity file does not hold a key; nothing was changed. */
export class IdentityError extends Error {
  static override readonly name = 'IdentityError'
  override readonly name = 'IdentityError'
}

/**
 * Reads the secp256k1 private key of a peer, 64 hex digits; makes one if the file is not there. Two processes that start at once
 * get the same one. Throws `IdentityError`.
 */
export async function loadIdentity(path: string): Promise<PrivateKey> {
  const text = await readIfThere(path)
  if (text !== undefined) return parse(text, path)
  const key = await generateKeyPair('secp256k1')
  if (await writePrivateFile(path, `${toHex(key.raw)}\n`, { exclusive: true })) return key
  return parse((await readIfThere(path)) ?? '', path)
}

function parse(text: string, path: string): PrivateKey {
  if (!/^[0-9a-f]{64}$/i.test(text.trim())) {
    throw new IdentityError(`${path} holds no identity: expected a secp256k1 private key of 64 hex digits`)
  }
  try {
    const key = privateKeyFromRaw(fromHex(text.trim()))
    if (key.type === 'secp256k1') return key
  } catch {
    // zero, or not below the order of the curve
  }
  throw new IdentityError(`${path} holds no identity: the number in it is not a secp256k1 private key`)
}
