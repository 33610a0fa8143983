import { once } from 'node:events'
import { connect, type Socket } from 'node:net'
import { splitMessage } from '../../src/devp2p/capability.js'
import { decodeDisconnect } from '../../src/devp2p/disconnect.js'
import { FrameOpener, FrameSealer } from '../../src/devp2p/frame-cipher.js'
import { encodeHello, type Hello } from '../../src/devp2p/hello.js'
import { NodeKey } from '../../src/devp2p/node-key.js'
import { decompress, literalHeader } from '../../src/devp2p/snappy.js'
import { initiate } from '../../src/devp2p/socket-handshake.js'
import { concatBytes, joinBytes } from '../../src/wire/bytes.js'
import { encodeUint } from '../../src/wire/rlp.js'
import { type TestHost, WAKU_1 } from './hosts.js'

export interface RawMessage {
  id: number
  payload: Uint8Array
}

/** A peer under the test's control down to single bytes, connected to a host by TCP. */
export class RawPeer {
  readonly received: RawMessage[] = []
  readonly #opener: FrameOpener
  readonly #sealer: FrameSealer
  #ended = false
  #wake: () => void = () => {}

  private constructor(
    readonly socket: Socket,
    readonly key: NodeKey,
    channel: Awaited<ReturnType<typeof initiate>>
  ) {
    this.#opener = new FrameOpener(channel.secrets)
    this.#sealer = new FrameSealer(channel.secrets)
    const take = (chunk: Uint8Array): void => {
      this.#opener.push(chunk)
      for (let message = this.#opener.next(); message; message = this.#opener.next()) {
        this.received.push(splitMessage(message))
      }
      this.#wake()
    }
    take(channel.early)
    socket.on('data', take)
    socket.on('error', () => {})
    socket.on('close', () => {
      this.#ended = true
      this.#wake()
    })
    socket.resume()
  }

  /** Up to the end of the encryption handshake; no Hello was sent. */
  static async dial(target: TestHost, key: NodeKey = new NodeKey(), from?: string): Promise<RawPeer> {
    const socket = await openSocket(target, from)
    return new RawPeer(
      socket,
      key,
      await initiate(socket, key, target.host.key.id, { signal: new AbortController().signal })
    )
  }

  /** Up to both Hellos. */
  static async greet(target: TestHost, hello: Partial<Hello> = {}, key?: NodeKey, from?: string): Promise<RawPeer> {
    const peer = await RawPeer.dial(target, key, from)
    peer.hello(hello)
    await peer.next()
    return peer
  }

  hello(hello: Partial<Hello> = {}): void {
    this.send(0, encodeHello({ version: 5, client: 'raw', capabilities: [WAKU_1], port: 0, id: this.key.id, ...hello }))
  }

  sealed(id: number, payload: Uint8Array): Uint8Array {
    return joinBytes(this.#sealer.seal([[encodeUint(id), payload]]))
  }

  /** A whole message, its id included. */
  sealedMessage(message: Uint8Array): Uint8Array {
    return joinBytes(this.#sealer.seal([[message]]))
  }

  send(id: number, payload: Uint8Array): void {
    this.socket.write(this.sealed(id, payload))
  }

  /** Resolves when everything sent so far was handed to the system. */
  sent(): Promise<void> {
    return new Promise(resolve => this.socket.write('', () => resolve()))
  }

  /** As a peer of version 5 does after Hello. */
  sendCompressed(id: number, body: Uint8Array): void {
    this.send(id, concatBytes(literalHeader(body.length), body))
  }

  /** The next message; undefined when the socket is gone. */
  async next(): Promise<RawMessage | undefined> {
    while (this.received.length === 0 && !this.#ended) {
      await new Promise<void>(resolve => {
        this.#wake = resolve
      })
    }
    return this.received.shift()
  }

  /** Reads on until the host has closed; the reason it gave, or undefined. */
  async reason(options: { compressed?: boolean } = {}): Promise<number | undefined> {
    for (let message = await this.next(); message !== undefined; message = await this.next()) {
      if (message.id !== 1) continue
      this.socket.end()
      return decodeDisconnect(options.compressed === true ? decompress(message.payload, 100) : message.payload)
    }
    return undefined
  }
}

export async function openSocket(target: TestHost, localAddress?: string): Promise<Socket> {
  const socket = connect({ port: target.port, host: '127.0.0.1', localAddress })
  target.sockets.add(socket)
  socket.on('error', () => {})
  await once(socket, 'connect')
  return socket
}

/** Resolves when the other side has closed the socket, or reset it. */
export async function closed(socket: Socket): Promise<void> {
  socket.resume()
  // once() would reject at the reset that a write to a closed socket brings
  if (!socket.destroyed) await new Promise(resolve => socket.once('close', resolve))
}
