import { concatBytes } from '../wire/bytes.js'
import { MalformedError } from '../wire/errors.js'
import { keccak256 } from '../wire/keccak.js'
import { ECIES_OVERHEAD, eciesOpen, eciesSeal } from '../wire/payload/ecies.js'
import { type RandomSource, randomBytes } from '../wire/random.js'
import { decodeList, encodeStructure, uint } from '../wire/structure.js'
import { publicKeyOf } from './enode.js'
import { RlpxHandshakeError } from './errors.js'
import type { FrameSecrets } from './frame-cipher.js'
import { NodeKey, recoverPublicKey } from './node-key.js'
import type { KeccakFactory } from './running-keccak.js'

/**
 * The RLPx handshake (RLPx "Initial Handshake", EIP-8) as functions over bytes: one packet each way, `auth` and `ack`,
 * then both sides derive the same secrets.
 */

/** How a packet is laid out: with a size prefix (EIP-8), or at the fixed sizes from before it. */
export type HandshakeForm = 'eip8' | 'legacy'

export const LEGACY_AUTH_SIZE = 307
export const LEGACY_ACK_SIZE = 210
/** The largest handshake packet believed; honest ones stay below 700 bytes. */
export const MAX_HANDSHAKE_SIZE = 4096

const VERSION = 4
const SIGNATURE = 65
const ID = 64
const NONCE = 32
const MIN_PADDING = 100
const MAX_PADDING = 300

export interface HandshakeOptions {
  /** Nonce and padding come from here. */
  random?: RandomSource | undefined
  /** This side's key for the one connection. Default: a fresh one. */
  ephemeral?: NodeKey | undefined
}

/** What one side brought: needed to derive the secrets. */
export interface HandshakeShare {
  ephemeral: NodeKey
  /** 32 bytes. */
  nonce: Uint8Array
  /** The packet as sent, size prefix included. */
  packet: Uint8Array
}

/** What the other side's packet said. */
export interface RemoteShare {
  /** 65 bytes. */
  ephemeralKey: Uint8Array
  /** 32 bytes. */
  nonce: Uint8Array
  packet: Uint8Array
}

export interface ReceivedAuth extends RemoteShare {
  /** The initiator's node id, 64 bytes. */
  id: Uint8Array
  form: HandshakeForm
}

/**
 * The initiator's packet.
 *
 * @param remoteId the recipient's node id, 64 bytes
 * @throws EnodeError when it is no public key
 */
export function createAuth(key: NodeKey, remoteId: Uint8Array, options: HandshakeOptions = {}): HandshakeShare {
  const random = options.random ?? randomBytes
  const ephemeral = options.ephemeral ?? NodeKey.fleeting()
  const remoteKey = publicKeyOf(remoteId)
  const nonce = random(NONCE)
  const signature = ephemeral.sign(xor(key.ecdh(remoteKey), nonce))
  const body = encodeStructure([signature, key.id, nonce, uint(VERSION)])
  return { ephemeral, nonce, packet: sealPacket(body, remoteKey, random) }
}

/**
 * Reads an initiator's packet in either form; another version, further items and what follows them are ignored.
 *
 * @throws RlpxHandshakeError
 */
export function openAuth(packet: Uint8Array, key: NodeKey, form: HandshakeForm): ReceivedAuth {
  const { signature, id, nonce } = readAuthBody(openPacket(packet, key, form), form)
  try {
    const ephemeralKey = recoverPublicKey(signature, xor(key.ecdh(publicKeyOf(id)), nonce))
    return { id, nonce, ephemeralKey, packet, form }
  } catch (error) {
    throw new RlpxHandshakeError('the initiator did not prove its key', { cause: error })
  }
}

/**
 * Reads what an initiator's packet holds once it is opened: nothing of it is proven yet.
 *
 * @throws RlpxHandshakeError
 */
export function readAuthBody(plain: Uint8Array, form: HandshakeForm): Record<'signature' | 'id' | 'nonce', Uint8Array> {
  if (form === 'eip8') {
    const [signature, id, nonce] = readItems(plain, [SIGNATURE, ID, NONCE])
    return { signature, id, nonce }
  }
  // the hash of a key lies between: the signature says the same
  const [signature, , id, nonce] = cut(plain, [SIGNATURE, 32, ID, NONCE])
  return { signature, id, nonce }
}

/** The recipient's packet, in the form of the initiator's. */
export function createAck(auth: ReceivedAuth, options: HandshakeOptions = {}): HandshakeShare {
  const random = options.random ?? randomBytes
  const ephemeral = options.ephemeral ?? NodeKey.fleeting()
  const nonce = random(NONCE)
  const remoteKey = publicKeyOf(auth.id)
  if (auth.form === 'legacy') {
    const plain = concatBytes(ephemeral.id, nonce, Uint8Array.of(0))
    return { ephemeral, nonce, packet: eciesSeal(plain, remoteKey, { ephemeral: NodeKey.fleeting() }) }
  }
  const body = encodeStructure([ephemeral.id, nonce, uint(VERSION)])
  return { ephemeral, nonce, packet: sealPacket(body, remoteKey, random) }
}

/**
 * Reads a recipient's packet; another version, further items and what follows them are ignored.
 *
 * @throws RlpxHandshakeError
 */
export function openAck(packet: Uint8Array, key: NodeKey, form: HandshakeForm): RemoteShare {
  const { id, nonce } = readAckBody(openPacket(packet, key, form), form)
  try {
    return { ephemeralKey: publicKeyOf(id), nonce, packet }
  } catch (error) {
    throw new RlpxHandshakeError('the recipient sent no public key', { cause: error })
  }
}

/**
 * Reads what a recipient's packet holds once it is opened.
 *
 * @throws RlpxHandshakeError
 */
export function readAckBody(plain: Uint8Array, form: HandshakeForm): Record<'id' | 'nonce', Uint8Array> {
  const [id, nonce] = form === 'legacy' ? cut(plain, [ID, NONCE]) : readItems(plain, [ID, NONCE])
  return { id, nonce }
}

/** The secrets of a connection, from the side that speaks as `role`. */
export function deriveSecrets(
  role: 'initiator' | 'recipient',
  ours: HandshakeShare,
  theirs: RemoteShare,
  keccak: KeccakFactory
): FrameSecrets {
  const agreed = ours.ephemeral.ecdh(theirs.ephemeralKey)
  const nonces = role === 'initiator' ? [theirs.nonce, ours.nonce] : [ours.nonce, theirs.nonce]
  const shared = keccak256(concatBytes(agreed, keccak256(concatBytes(...nonces))))
  const aes = keccak256(concatBytes(agreed, shared))
  const mac = keccak256(concatBytes(agreed, aes))
  const egress = keccak()
  egress.update(xor(mac, theirs.nonce))
  egress.update(ours.packet)
  const ingress = keccak()
  ingress.update(xor(mac, ours.nonce))
  ingress.update(theirs.packet)
  return { aes, mac, egress, ingress }
}

/**
 * How many bytes a packet has, from its first two: of the EIP-8 form, their size prefix says it.
 *
 * @throws RlpxHandshakeError when no packet can have that size
 */
export function packetSize(prefix: Uint8Array): number {
  const size = (((prefix[0] as number) << 8) | (prefix[1] as number)) + 2
  if (size <= ECIES_OVERHEAD + 2 || size > MAX_HANDSHAKE_SIZE) {
    throw new RlpxHandshakeError(`a handshake packet of ${size} bytes`)
  }
  return size
}

/** A legacy packet begins with the key of its encryption, 0x04; read as a size that would be 1024 and more. */
export function mayBeLegacy(prefix: Uint8Array): boolean {
  return prefix[0] === 0x04
}

function sealPacket(body: Uint8Array, remoteKey: Uint8Array, random: RandomSource): Uint8Array {
  const [low, high] = random(2) as unknown as [number, number]
  const padding = MIN_PADDING + (((high << 8) | low) % (MAX_PADDING - MIN_PADDING + 1))
  const plain = concatBytes(body, random(padding))
  const size = plain.length + ECIES_OVERHEAD
  const prefix = Uint8Array.of(size >>> 8, size)
  return concatBytes(prefix, eciesSeal(plain, remoteKey, { macData: prefix, ephemeral: NodeKey.fleeting() }))
}

function openPacket(packet: Uint8Array, key: NodeKey, form: HandshakeForm): Uint8Array {
  const ecdh = (_: Uint8Array, publicKey: Uint8Array): Uint8Array => key.ecdh(publicKey)
  const plain =
    form === 'legacy'
      ? eciesOpen(packet, key.privateKey, { ecdh })
      : eciesOpen(packet.subarray(2), key.privateKey, { ecdh, macData: packet.subarray(0, 2) })
  if (plain === undefined) throw new RlpxHandshakeError('a handshake packet that is not sealed for this key')
  return plain
}

type Fields<Sizes extends readonly number[]> = { [At in keyof Sizes]: Uint8Array }

function readItems<const Sizes extends readonly number[]>(plain: Uint8Array, sizes: Sizes): Fields<Sizes> {
  try {
    const items = decodeList(plain.subarray(0, leadingItem(plain)))
    return sizes.map((size, i) => {
      const item = items[i]
      if (item === undefined || item.isList || item.payload.length !== size) throw new MalformedError(`item ${i}`)
      return item.payload
    }) as Fields<Sizes>
  } catch (error) {
    throw new RlpxHandshakeError('a handshake packet is malformed', { cause: error })
  }
}

/** Fields of fixed sizes, one behind the other; what follows them is ignored. */
function cut<const Sizes extends readonly number[]>(plain: Uint8Array, sizes: Sizes): Fields<Sizes> {
  let at = 0
  const fields = sizes.map(size => {
    at += size
    return plain.subarray(at - size, at)
  })
  if (at > plain.length) throw new RlpxHandshakeError('a handshake packet is cut short')
  return fields as Fields<Sizes>
}

/** The length of the RLP list at the beginning: padding of any content follows it. */
function leadingItem(plain: Uint8Array): number {
  const first = plain[0] ?? 0
  if (first <= 0xf7) return 1 + Math.max(0, first - 0xc0)
  const width = first - 0xf7
  let length = 0
  for (let i = 1; i <= width; i++) length = length * 256 + (plain[i] ?? 0)
  return 1 + width + length
}

function xor(a: Uint8Array, b: Uint8Array): Uint8Array {
  return a.map((byte, i) => byte ^ (b[i] as number))
}
