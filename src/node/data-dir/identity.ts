import { generateKeyPair, privateKeyFromRaw } from '@libp2p/crypto/keys'
import type { PeerId, PrivateKey } from '@libp2p/interface'
import { type Datastore, Key } from 'interface-datastore'
import { fromHex, toHex } from '../../wire/bytes.js'
import { printable } from '../../wire/printable.js'
import { type DataDir, isThere } from './data-dir.js'
import { readIfThere, writePrivateFile } from './private-file.js'

/** The identity file does not hold a key, or is missing where one must be; nothing was changed. */
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

/**
 * The identity of a data dir. A new data dir gets one, and so does one that has lost it, if `renew` says so: peers know the old
 * one, trust it and address it, so that a new one beside an old archive is hardly ever meant. Throws `IdentityError`.
 */
export async function identityOf(dir: DataDir, options: { renew?: boolean | undefined } = {}): Promise<PrivateKey> {
  const lost = !(await isThere(dir.identity)) && (await isThere(dir.database))
  if (!lost || options.renew === true) return await loadIdentity(dir.identity)
  throw new IdentityError(
    `${dir.path} holds an archive, but its identity is missing: put the file ${dir.identity} back, or start the node with ` +
      '--new-identity to be another peer from now on'
  )
}

const REMEDY = 'put the right file back, or move it away and start with --new-identity to be another peer from now on'

/** The peer whose records and archive a data dir holds. */
const OWNER = new Key('/node/peer')

/**
 * Holds an identity against the archive beside it, and notes it in a new one. Throws `IdentityError` when it belongs to another peer,
 * unless `renew` says that this one takes its place.
 */
export async function checkOwner(
  dir: DataDir,
  { datastore, peer, renew }: { datastore: Datastore; peer: PeerId; renew?: boolean | undefined }
): Promise<void> {
  const owner = (await datastore.has(OWNER)) ? new TextDecoder().decode(await datastore.get(OWNER)) : undefined
  if (owner === peer.toString()) return
  if (owner !== undefined && renew !== true)
    throw new IdentityError(
      `${dir.identity} is that of another data dir: it is ${peer}, and the archive beside it belongs to ${printable(owner)}: put the ` +
        'right file back, or start with --new-identity to be this peer from now on'
    )
  try {
    await datastore.put(OWNER, new TextEncoder().encode(peer.toString()))
  } catch {
    // a full disk keeps nobody from starting: it is noted the next time
  }
}

/** Whether a node noted that it was here. */
export const isOwned = (datastore: Datastore): Promise<boolean> => Promise.resolve(datastore.has(OWNER))

function parse(text: string, path: string): PrivateKey {
  if (!/^[0-9a-f]{64}$/i.test(text.trim())) {
    throw new IdentityError(`${path} holds no identity: expected a secp256k1 private key of 64 hex digits; ${REMEDY}`)
  }
  try {
    const key = privateKeyFromRaw(fromHex(text.trim()))
    if (key.type === 'secp256k1') return key
  } catch {
    // zero, or not below the order of the curve
  }
  throw new IdentityError(`${path} holds no identity: the number in it is not a secp256k1 private key; ${REMEDY}`)
}
