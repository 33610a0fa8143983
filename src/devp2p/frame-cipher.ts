import { type Cipher, createCipheriv, createDecipheriv, type Decipher } from 'node:crypto'
import { releaseLarge } from '../base/release.js'
import * as FIGURES from '../limits/figures.js'
import { ByteQueue } from './byte-queue.js'
import { FrameError } from './errors.js'
import { LargeBody } from './large-body.js'
import type { RunningKeccak } from './running-keccak.js'

/** What a handshake agreed on, from one side's point of view. */
export interface FrameSecrets {
  /** 32 bytes: key of both streams. */
  aes: Uint8Array
  /** 32 bytes: key of both MACs. */
  mac: Uint8Array
  /** Fed with what opened the channel; ours is the one for what we send. */
  egress: RunningKeccak
  ingress: RunningKeccak
}

const BLOCK = 16
const HEADER = 32
/** A header begins with the size of the body. */
const SIZE_WIDTH = 3
/** The header's protocol-type list, constant in this version of the protocol. */
const HEADER_DATA = Uint8Array.of(0xc2, 0x80, 0x80)

/** The largest body a frame can state: its size is a 3-byte integer. */
export const MAX_FRAME_SIZE = 0xff_ffff

/** Bytes on the wire around a body: header, two MACs, padding. */
export const FRAME_OVERHEAD = HEADER + BLOCK + BLOCK

/** Where messages are joined before they are encrypted: memory of this size anew for each costs as much as the copy. */
const scratch = Buffer.allocUnsafeSlow(512 * 1024)
/** Frames of so many bytes on average are not copied once more to leave in one piece. */
const WORTH_PIECES = 16 * 1024

const padded = (size: number): number => (size + BLOCK - 1) & ~(BLOCK - 1)

/** Seals messages into frames: AES-256-CTR, one stream per direction, and a running MAC over the ciphertext. */
export class FrameSealer {
  readonly #stream: Cipher
  readonly #mac: FrameMac

  constructor(secrets: FrameSecrets) {
    this.#stream = createCipheriv('aes-256-ctr', secrets.aes, new Uint8Array(BLOCK))
    this.#mac = new FrameMac(secrets.mac, secrets.egress)
  }

  /**
   * The bytes of some frames, one after the other, in pieces.
   *
   * @param messages one per frame, each in parts that are joined here
   * @throws RangeError when one is larger than a frame can be; nothing has been sealed then
   */
  seal(messages: ReadonlyArray<readonly Uint8Array[]>): Uint8Array[] {
    const sizes = messages.map(sizeOf)
    let total = 0
    for (const size of sizes) {
      if (size > MAX_FRAME_SIZE) throw new RangeError(`a message of ${size} bytes does not fit into a frame`)
      total += BLOCK + padded(size)
    }
    const plain = total > scratch.length ? Buffer.allocUnsafe(total) : scratch.subarray(0, total)
    let at = 0
    messages.forEach((parts, i) => {
      const size = sizes[i] as number
      plain.fill(0, at, at + BLOCK)
      plain.writeUIntBE(size, at, SIZE_WIDTH)
      plain.set(HEADER_DATA, at + SIZE_WIDTH)
      at += BLOCK
      for (const part of parts) {
        plain.set(part, at)
        at += part.length
      }
      const padding = padded(size) - size
      plain.fill(0, at, at + padding)
      at += padding
    })

    const encrypted = this.#stream.update(plain)
    const pieces: Uint8Array[] = []
    let from = 0
    for (const size of sizes) {
      const header = encrypted.subarray(from, from + BLOCK)
      const body = encrypted.subarray(from + BLOCK, from + BLOCK + padded(size))
      const mac = this.#mac.ofHeader(header).subarray(0, BLOCK)
      this.#mac.see(body)
      pieces.push(header, mac, body, this.#mac.ofBody().subarray(0, BLOCK))
      from += BLOCK + body.length
    }
    if (total / sizes.length > WORTH_PIECES) return pieces
    const joined = Buffer.concat(pieces)
    releaseLarge(encrypted)
    return [joined]
  }
}

/**
 * Opens frames from bytes as they arrive. Every MAC is checked in constant time before anything of what it covers is handed out. The body
 * of a large frame is hashed and decrypted as it comes.
 */
export class FrameOpener {
  readonly #stream: Decipher
  readonly #mac: FrameMac
  #received = new ByteQueue()
  /** Size of the body whose header was read, or undefined between frames. */
  #size: number | undefined
  /** What the size in the next header is encrypted with: it comes with the body before, since asking for each costs as much as for both. */
  readonly #sizeKey = new Uint8Array(SIZE_WIDTH)
  /** What came of it, when it is larger than whatever may lie in one piece with others. */
  #large: LargeBody | undefined

  constructor(secrets: FrameSecrets) {
    this.#stream = createDecipheriv('aes-256-ctr', secrets.aes, new Uint8Array(BLOCK))
    this.#mac = new FrameMac(secrets.mac, secrets.ingress)
    const nothing = new Uint8Array(BLOCK)
    this.#foresee(this.#stream.update(nothing), nothing, 0)
  }

  /** Bytes that arrived and were not handed out. */
  get buffered(): number {
    return this.#received.length + (this.#large?.length ?? 0)
  }

  /** Whether what arrived ended with the end of a frame. */
  get idle(): boolean {
    return this.#size === undefined && this.#received.length === 0
  }

  /** Whether all of the frame whose size is known is there. */
  get ready(): boolean {
    if (this.#size === undefined) return false
    if (this.#large !== undefined) return this.#large.missing === 0 && this.#received.length >= BLOCK
    return this.#received.length >= padded(this.#size) + BLOCK
  }

  /** Takes bytes, whose memory is given back when they are copied. */
  push(bytes: Uint8Array): void {
    const ofLarge = Math.min(this.#large?.missing ?? 0, bytes.length)
    if (ofLarge > 0) this.#openPart(bytes.subarray(0, ofLarge))
    if (ofLarge < bytes.length) this.#received.push(bytes.subarray(ofLarge))
    else releaseLarge(bytes)
  }

  /**
   * The size of the next frame's body as soon as its header is there: to be judged before the body is waited for.
   *
   * @throws FrameError
   */
  nextSize(): number | undefined {
    if (this.#size !== undefined || this.#received.length < HEADER) return this.#size
    const sealed = this.#received.take(HEADER)
    if (!beginsWith(this.#mac.ofHeader(sealed), sealed, BLOCK)) {
      throw new FrameError('the MAC of a frame header is wrong')
    }
    this.#size = this.#sizeKey.reduce((size, key, i) => size * 256 + (key ^ (sealed[i] as number)), 0)
    if (this.#size === 0) throw new FrameError('an empty frame')
    if (this.#size > FIGURES.devp2p.large) {
      const length = padded(this.#size)
      this.#large = new LargeBody(length)
      if (this.#received.length > 0) this.#openPart(this.#received.take(Math.min(length, this.#received.length)))
    }
    return this.#size
  }

  /** Does a part of what is to be done with a frame that is ready; true when `next` takes no longer than with a small one. */
  prepare(): boolean {
    return this.#large?.gather() ?? true
  }

  /**
   * The body of the next frame, no Buffer, or undefined until more bytes are pushed.
   *
   * @throws FrameError
   */
  next(): Uint8Array | undefined {
    const size = this.nextSize()
    if (size === undefined || !this.ready) return undefined
    const body = this.#large === undefined ? this.#openSmall(padded(size)) : this.#takeLarge(this.#large)
    this.#size = undefined
    this.#large = undefined
    // A plain array: who gets it may rely on slice() making a copy, which a Buffer's does not.
    return new Uint8Array(body.buffer, body.byteOffset, size)
  }

  /** Nothing will be taken any more. */
  drop(): void {
    this.#large?.release()
    this.#large = undefined
    this.#size = undefined
    this.#received = new ByteQueue()
  }

  #openSmall(length: number): Uint8Array {
    const sealed = this.#received.take(length + BLOCK)
    this.#mac.see(sealed.subarray(0, length))
    this.#check(sealed, length)
    const body = this.#stream.update(sealed)
    this.#foresee(body, sealed, length)
    // of a large one each copy counts; a chunk of the socket may have the beginning of the next one, too
    if (sealed.length === sealed.buffer.byteLength) releaseLarge(sealed)
    return body
  }

  #takeLarge(large: LargeBody): Uint8Array {
    const mac = this.#received.take(BLOCK)
    this.#check(mac, 0)
    this.#foresee(this.#stream.update(mac), mac, 0)
    while (!large.gather());
    return large.whole as Uint8Array
  }

  #openPart(encrypted: Uint8Array): void {
    this.#mac.see(encrypted)
    const part = this.#stream.update(encrypted)
    this.#large?.push(part)
    releaseLarge(part)
  }

  /** A MAC lies between a body and the next header and is not encrypted: what decrypting it changed is what that header is with. */
  #foresee(opened: Uint8Array, sealed: Uint8Array, at: number): void {
    for (let i = 0; i < SIZE_WIDTH; i++) this.#sizeKey[i] = (opened[at + i] as number) ^ (sealed[at + i] as number)
  }

  /** @throws FrameError when the MAC at a place is not that of the body */
  #check(sealed: Uint8Array, at: number): void {
    if (beginsWith(this.#mac.ofBody(), sealed, at)) return
    this.#large?.release()
    throw new FrameError('the MAC of a frame is wrong')
  }
}

/** One direction's MAC: a running hash, stirred with its own encrypted digest at each step. */
class FrameMac {
  readonly #block: Cipher
  readonly #hash: RunningKeccak

  constructor(key: Uint8Array, hash: RunningKeccak) {
    this.#block = createCipheriv('aes-256-ecb', key, null).setAutoPadding(false)
    this.#hash = hash
  }

  /** Of a header, the first 16 bytes; what follows them is not looked at. It is the first 16 bytes of what comes back. */
  ofHeader(encrypted: Uint8Array): Uint8Array {
    return this.#stir(encrypted)
  }

  /** The next bytes of a body. */
  see(encrypted: Uint8Array): void {
    this.#hash.update(encrypted)
  }

  /** Of the body that it has seen: the first 16 bytes of what comes back. */
  ofBody(): Uint8Array {
    return this.#stir(this.#hash.digest())
  }

  #stir(seed: Uint8Array): Uint8Array {
    const mixed = this.#block.update(this.#hash.digest().subarray(0, BLOCK))
    for (let i = 0; i < BLOCK; i++) mixed[i] = (mixed[i] as number) ^ (seed[i] as number)
    this.#hash.update(mixed)
    return this.#hash.digest()
  }
}

/** Whether a digest begins with the MAC that lies at a place; as long for any bytes. */
function beginsWith(digest: Uint8Array, bytes: Uint8Array, at: number): boolean {
  let difference = 0
  for (let i = 0; i < BLOCK; i++) difference |= (digest[i] as number) ^ (bytes[at + i] as number)
  return difference === 0
}

function sizeOf(parts: readonly Uint8Array[]): number {
  let size = 0
  for (const part of parts) size += part.length
  return size
}
