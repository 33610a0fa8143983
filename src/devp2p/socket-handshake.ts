import type { Socket } from 'node:net'
import { pause } from '../base/pause.js'
import { toHex } from '../wire/bytes.js'
import { RlpxHandshakeError } from './errors.js'
import type { FrameSecrets } from './frame-cipher.js'
import {
  createAck,
  createAuth,
  deriveSecrets,
  type HandshakeForm,
  LEGACY_ACK_SIZE,
  LEGACY_AUTH_SIZE,
  mayBeLegacy,
  openAck,
  openAuth,
  packetSize
} from './handshake.js'
import type { NodeKey } from './node-key.js'
import { fastKeccak } from './running-keccak.js'

/** So much of a packet is its own: length, ephemeral key, iv. */
const NAMED = 2 + 65 + 16

/** An encrypted channel that was agreed on a socket; the socket is paused. */
export interface SecureChannel {
  secrets: FrameSecrets
  /** The other side's node id, 64 bytes. */
  remoteId: Uint8Array
  /** What arrived behind the handshake. */
  early: Uint8Array
}

/**
 * Runs the initiator's side.
 *
 * @param remoteId node id that must be at the other end, 64 bytes
 * @throws RlpxHandshakeError; whatever is thrown, the caller destroys the socket
 */
export async function initiate(
  socket: Socket,
  key: NodeKey,
  remoteId: Uint8Array,
  options: { signal: AbortSignal }
): Promise<SecureChannel> {
  const keccak = await fastKeccak()
  const auth = createAuth(key, remoteId)
  const reader = new PrefixReader(socket, options.signal)
  try {
    socket.write(auth.packet)
    const ack = await readPacket(reader, LEGACY_ACK_SIZE, (packet, form) => openAck(packet, key, form))
    return { secrets: deriveSecrets('initiator', auth, ack, keccak), remoteId, early: reader.release() }
  } finally {
    reader.release()
  }
}

/** What answering handshakes depends on beside the socket: it takes milliseconds of the processor. */
export interface RespondOptions {
  signal: AbortSignal
  /** Whether something with this name was not opened before. @default it was not */
  isFresh?(name: string): boolean
  /** Does the work when it is this socket's turn. @default at once */
  turn?<T>(work: () => Promise<T>): Promise<T>
}

/**
 * Runs the recipient's side, in whichever form the initiator uses.
 *
 * @throws RlpxHandshakeError; whatever is thrown, the caller destroys the socket
 */
export async function respond(
  socket: Socket,
  key: NodeKey,
  { signal, isFresh = () => true, turn = async work => work() }: RespondOptions
): Promise<SecureChannel> {
  const keccak = await fastKeccak()
  const reader = new PrefixReader(socket, signal)
  try {
    const { auth, secrets } = await readPacket(reader, LEGACY_AUTH_SIZE, (packet, form) => {
      if (!isFresh(nameOf(packet, form))) throw new RlpxHandshakeError('a handshake that came before')
      // an answer takes several rounds of the event loop: each may hold no more than one part of a handshake
      return turn(async () => {
        const auth = openAuth(packet, key, form)
        await pause()
        const ack = createAck(auth)
        socket.write(ack.packet)
        await pause()
        return { auth, secrets: deriveSecrets('recipient', ack, auth, keccak) }
      })
    })
    await pause()
    // its end may have come meanwhile, and nothing that listens from here on would hear of it
    if (socket.destroyed) throw new RlpxHandshakeError('the peer closed during the handshake')
    return { secrets, remoteId: auth.id, early: reader.release() }
  } finally {
    reader.release()
  }
}

/** Its ephemeral key and iv: without the rest as it was, nothing with the same opens. */
function nameOf(packet: Uint8Array, form: HandshakeForm): string {
  return form + toHex(packet.subarray(0, NAMED))
}

async function readPacket<T>(
  reader: PrefixReader,
  legacySize: number,
  open: (packet: Uint8Array, form: HandshakeForm) => T | Promise<T>
): Promise<T> {
  const prefix = await reader.peek(2)
  if (mayBeLegacy(prefix)) {
    const packet = await reader.peek(legacySize)
    try {
      const opened = await open(packet, 'legacy')
      reader.drop(legacySize)
      return opened
    } catch (error) {
      // The same first byte begins an unusually long EIP-8 packet.
      if (!(error instanceof RlpxHandshakeError)) throw error
    }
  }
  const size = packetSize(prefix)
  const packet = await reader.peek(size)
  reader.drop(size)
  return await open(packet, 'eip8')
}

/** Reads the beginning of a socket piece by piece and leaves the rest to whoever comes after. */
class PrefixReader {
  readonly #socket: Socket
  readonly #signal: AbortSignal
  #bytes: Buffer = Buffer.alloc(0)
  #ended: Error | undefined
  #wake: (() => void) | undefined

  constructor(socket: Socket, signal: AbortSignal) {
    this.#socket = socket
    this.#signal = signal
    socket.on('data', this.#onData)
    socket.on('error', this.#onError)
    socket.on('close', this.#onClose)
    socket.on('end', this.#onClose)
    signal.addEventListener('abort', this.#onAbort)
    if (signal.aborted) this.#onAbort()
    if (socket.destroyed) this.#onClose()
  }

  /** The first `count` bytes that were not dropped, waiting until they are there. */
  async peek(count: number): Promise<Uint8Array> {
    while (this.#bytes.length < count) {
      if (this.#ended !== undefined) throw this.#ended
      await new Promise<void>(resolve => {
        this.#wake = resolve
        this.#socket.resume()
      })
    }
    // A packet in hand is worth reading even if its sender is gone: but not after the deadline.
    if (this.#signal.aborted && this.#ended !== undefined) throw this.#ended
    return this.#bytes.subarray(0, count)
  }

  drop(count: number): void {
    this.#bytes = this.#bytes.subarray(count)
  }

  /** Stops reading, pauses the socket, and hands over what was read too far. */
  release(): Uint8Array {
    const socket = this.#socket
    socket.pause()
    socket.off('data', this.#onData)
    socket.off('error', this.#onError)
    socket.off('close', this.#onClose)
    socket.off('end', this.#onClose)
    this.#signal.removeEventListener('abort', this.#onAbort)
    return this.#bytes
  }

  readonly #onData = (chunk: Buffer): void => {
    this.#bytes = this.#bytes.length === 0 ? chunk : Buffer.concat([this.#bytes, chunk])
    // Nothing is read ahead: a peer cannot fill memory before it has shown a key.
    this.#socket.pause()
    this.#wake?.()
  }
  readonly #onError = (cause: Error): void => this.#end(new RlpxHandshakeError('the connection broke', { cause }))
  readonly #onClose = (): void => this.#end(new RlpxHandshakeError('the peer closed during the handshake'))
  readonly #onAbort = (): void =>
    this.#end(new RlpxHandshakeError('the handshake was not done in time', { cause: this.#signal.reason }))

  #end(error: Error): void {
    this.#ended ??= error
    this.#wake?.()
  }
}
