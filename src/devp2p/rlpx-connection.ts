import type { Socket } from 'node:net'
import type { PeerId } from '@libp2p/interface'
import pDefer from 'p-defer'
import { addressKey } from '../limits/address-key.js'
import * as FIGURES from '../limits/figures.js'
import type { Limits } from '../limits/limits.js'
import type { Origin } from '../limits/origin.js'
import { inVain, type Judgement } from '../limits/throttle.js'
import { equalBytes } from '../wire/bytes.js'
import { encodeUint } from '../wire/rlp.js'
import { BASE_LENGTH, type Capability, type SharedCapability, shareCapabilities, splitMessage } from './capability.js'
import { CapabilityStream } from './capability-stream.js'
import { DisconnectError, DisconnectReason, decodeDisconnect, encodeDisconnect } from './disconnect.js'
import { FrameError, StalledError } from './errors.js'
import { MAX_FRAME_SIZE } from './frame-cipher.js'
import { FrameSocket } from './frame-socket.js'
import { decodeHello, encodeHello, type Hello, MAX_P2P_MESSAGE, P2PMessage, SNAPPY_VERSION } from './hello.js'
import { inflateInPieces } from './inflate-in-pieces.js'
import { MessageReader, type ReaderState } from './message-reader.js'
import { breakReason, unexplained } from './parting.js'
import { SendLine } from './send-line.js'
import { declaredLength, decompress, literalHeader, memoryToInflate } from './snappy.js'
import type { SecureChannel } from './socket-handshake.js'

const EMPTY_LIST = [Uint8Array.of(0xc0)]

export interface RlpxConnectionInit {
  socket: Socket
  channel: SecureChannel
  /** The name of the other end's key. */
  peer: PeerId
  direction: 'inbound' | 'outbound'
  /** What we say of ourselves; its version decides about compression. */
  hello: Hello
  capabilities: readonly Capability[]
  /** Milliseconds; see RlpxHostInit. */
  readTimeout: number
  roomTimeout: number
  writeTimeout: number
  pingInterval: number
  /** Shared with all other connections. */
  limits: Limits
}

/** One devp2p connection after its Hello: the p2p capability is dealt with here, every other one is a stream. */
export class RlpxConnection {
  readonly peer: PeerId
  /** Node id, 64 bytes. */
  readonly id: Uint8Array
  readonly direction: 'inbound' | 'outbound'
  /** IP address and TCP port of the other end. */
  readonly remote: { host: string; port: number }
  readonly origin: Origin
  readonly opened: number = Date.now()
  /** When the peer last brought something new, or was sent history, ms. */
  active: number = this.opened
  /** When it last sent anything, ms. */
  heard: number = this.opened
  /** Aborted, with what ended it as its reason, as soon as the connection is ending. */
  readonly signal: AbortSignal
  /** Resolves with what ended it when the socket is gone. */
  readonly closed: Promise<Error>

  readonly #init: RlpxConnectionInit
  readonly #frames: FrameSocket
  readonly #line: SendLine
  readonly #reader: MessageReader
  readonly #abort = new AbortController()
  readonly #ready = pDefer<Hello>()
  readonly #gone = pDefer<Error>()
  #hello: Hello | undefined
  #snappy = false
  #shared: { capability: SharedCapability; stream: CapabilityStream }[] = []
  #owesPong = false
  #ping: NodeJS.Timeout | undefined
  readonly #state: ReaderState = { ended: undefined, streams: [], maxMessage: MAX_P2P_MESSAGE }

  private constructor(init: RlpxConnectionInit) {
    this.#init = init
    this.id = init.channel.remoteId
    this.peer = init.peer
    this.direction = init.direction
    this.remote = { host: init.socket.remoteAddress ?? '', port: init.socket.remotePort ?? 0 }
    this.signal = this.#abort.signal
    this.closed = this.#gone.promise
    this.#ready.promise.catch(() => {})
    this.#frames = new FrameSocket(
      init.socket,
      init.channel,
      {
        onProgress: () => this.#progress(),
        onStalled: error => this.#failed(error),
        onClose: () => this.#closed()
      },
      init
    )
    this.#line = new SendLine(this.#frames)
    const address = addressKey(this.remote.host)
    this.origin = { peer: this.peer.toString(), address }
    this.#reader = new MessageReader({
      frames: this.#frames,
      limits: init.limits,
      origin: this.origin,
      signal: this.signal,
      state: this.#state,
      hurried: this.direction === 'outbound',
      roomTimeout: init.roomTimeout,
      take: message => this.#take(message)
    })
  }

  /**
   * Exchanges Hellos over a channel.
   *
   * @throws DisconnectError, or what else ended the connection before the peer's Hello; the signal's reason
   */
  static async open(init: RlpxConnectionInit, options: { signal: AbortSignal }): Promise<RlpxConnection> {
    const connection = new RlpxConnection(init)
    const { signal } = options
    const onAbort = (): void =>
      connection.abort(new StalledError('no Hello in time', { cause: signal.reason }), DisconnectReason.Requested)
    signal.addEventListener('abort', onAbort)
    try {
      connection.#frames.send([encodeUint(P2PMessage.Hello), encodeHello(init.hello)])
      void connection.#run()
      if (signal.aborted) onAbort()
      await connection.#ready.promise
      return connection
    } finally {
      signal.removeEventListener('abort', onAbort)
    }
  }

  /** Says why there will be no connection, in place of a Hello. */
  static refuse(init: RlpxConnectionInit, reason: DisconnectReason): Promise<Error> {
    const connection = new RlpxConnection(init)
    void connection.disconnect(reason)
    return connection.closed
  }

  /** What the peer said of itself. */
  get hello(): Hello {
    return this.#hello as Hello
  }

  /** What both sides speak, in the order of the message ids. */
  get streams(): readonly CapabilityStream[] {
    return this.#state.streams
  }

  /** The stream of a capability both sides speak. */
  stream(name: string): CapabilityStream | undefined {
    return this.#shared.find(({ stream }) => stream.name === name)?.stream
  }

  /**
   * Lets what was sent leave, says why, and closes. What still waited to be sent is refused; what was received and not
   * taken is dropped. Resolves when the socket is gone.
   */
  async disconnect(reason: DisconnectReason): Promise<void> {
    this.#end(new DisconnectError(reason, 'local'), { tell: reason, clean: true })
    await this.closed
  }

  /**
   * Told what became of what the peer sent. After what was sent in vain the next is read later, and so is what is larger than
   * 1 MiB from other peers of its address. Whom we dialled ourselves is read as it comes.
   */
  judged(judgement: Judgement): void {
    if (judgement.accepted > 0) this.active = Date.now()
    if (this.direction === 'inbound') this.#init.limits.throttle.judge(this.origin, judgement)
  }

  /** Ends it at once: streams throw `error`, the peer is told `reason` if it is still listening. */
  abort(error: Error, reason: DisconnectReason = DisconnectReason.SubprotocolError): void {
    this.#end(error, { tell: reason })
  }

  /** Never rejects: however reading ends, the connection ends with it. */
  async #run(): Promise<void> {
    try {
      await this.#reader.run()
      this.#end(unexplained(), { clean: true, keep: true })
    } catch (error) {
      this.#failed(error as Error)
    }
  }

  #take(message: Uint8Array): Promise<void> | undefined {
    const { id, payload } = splitMessage(message)
    this.heard = Date.now()
    if (id >= BASE_LENGTH && this.#hello !== undefined) return this.#takeShared(id, payload)
    if (this.#hello === undefined) {
      if (id === P2PMessage.Hello) this.#greet(decodeHello(payload))
      else if (id === P2PMessage.Disconnect) this.#disconnected(payload)
      else throw new FrameError('a message before Hello')
      return undefined
    }
    // What else is defined at these ids is long out of use; a second Hello says nothing new.
    if (id === P2PMessage.Disconnect) this.#disconnected(payload)
    else if (id === P2PMessage.Ping) this.#pong()
    return undefined
  }

  /** A message of a capability: bound, room, inflated, delivered. */
  #takeShared(id: number, payload: Uint8Array): Promise<void> | undefined {
    const shared = this.#shared.find(({ capability: { offset, length } }) => id >= offset && id < offset + length)
    if (shared === undefined) throw new FrameError(`message id ${id} belongs to no shared capability`)
    const { stream, capability } = shared
    const code = id - capability.offset
    const size = this.#snappy ? declaredLength(payload) : payload.length
    if (size > stream.maxBody && !this.#isBounded(size, stream)) {
      return this.#reader.until(() => this.#isBounded(size, stream)).then(() => this.#takeShared(id, payload))
    }
    if (size > stream.limitOf(code)) {
      // no packet of this code is so large: it is not worth inflating
      this.#init.limits.counts.add('refused_packet')
      this.judged(inVain(payload))
      return undefined
    }
    // while it inflates both are there
    const beside = this.#snappy && memoryToInflate(payload) > 0 ? payload.length : 0
    const hasRoom = (): boolean => this.#reader.room.inflate(size, beside)
    if (hasRoom()) return this.#deliver(stream, { code, payload, size })
    return this.#reader.untilRoom(hasRoom).then(() => this.#deliver(stream, { code, payload, size }))
  }

  #isBounded(size: number, stream: CapabilityStream): boolean {
    return this.#reader.isBounded(size, stream.maxBody, [stream])
  }

  /** Hands a message on that has room; `size` is that of its body. */
  #deliver(
    stream: CapabilityStream,
    message: { code: number; payload: Uint8Array; size: number }
  ): Promise<void> | undefined {
    const { code, payload, size } = message
    if (this.#snappy && size > FIGURES.devp2p.large) {
      const inflating = inflateInPieces(payload, size, step => this.#reader.inPieces(step))
      return inflating.then(body => body && stream.deliver(code, body))
    }
    stream.deliver(code, this.#snappy ? decompress(payload, size) : payload)
    return undefined
  }

  #greet(hello: Hello): void {
    if (hello.id.every(byte => byte === 0)) throw new DisconnectError(DisconnectReason.NullIdentity, 'local')
    if (!equalBytes(hello.id, this.id)) throw new DisconnectError(DisconnectReason.UnexpectedIdentity, 'local')
    const shared = shareCapabilities(this.#init.capabilities, hello.capabilities)
    this.#hello = hello
    this.#snappy = Math.min(hello.version, this.#init.hello.version) >= SNAPPY_VERSION
    if (shared.length === 0) throw new DisconnectError(DisconnectReason.UselessPeer, 'local')
    this.#shared = shared.map(capability => ({
      capability,
      stream: new CapabilityStream(capability, {
        send: (id, body, options) => {
          if (options.bulk === true) this.active = Date.now()
          return this.#line.send(this.#message(id, body), options)
        },
        holds: bytes => this.#reader.room.hold(bytes),
        decided: () => {
          this.#limit()
          this.#reader.stir()
        }
      })
    }))
    this.#state.streams = this.#shared.map(({ stream }) => stream)
    this.#limit()
    this.#ping = setInterval(() => {
      if (this.#line.open) this.#frames.send(this.#message(P2PMessage.Ping, EMPTY_LIST))
    }, this.#init.pingInterval)
    this.#ready.resolve(hello)
  }

  /** The largest message on the wire that any of the streams would take. */
  #limit(): void {
    const body = Math.max(...this.streams.map(stream => stream.maxBody))
    // A block that does not compress grows by at most a sixth and 32 bytes; an id has at most 3.
    this.#state.maxMessage = Math.min(MAX_FRAME_SIZE, MAX_P2P_MESSAGE + body + Math.ceil(body / 6))
  }

  /** A peer that pings without reading is owed one Pong, not one for each. */
  #pong(): void {
    this.#owesPong = !this.#line.open
    if (!this.#owesPong) this.#frames.send(this.#message(P2PMessage.Pong, EMPTY_LIST))
  }

  #disconnected(payload: Uint8Array): void {
    const reason = decodeDisconnect(this.#plain(payload)) ?? DisconnectReason.Requested
    const clean = reason === DisconnectReason.Requested || reason === DisconnectReason.Quitting
    this.#end(new DisconnectError(reason, 'remote'), { clean, keep: true })
  }

  /** A peer that has not dealt with our Hello yet sends its Disconnect uncompressed. */
  #plain(payload: Uint8Array): Uint8Array {
    if (!this.#snappy) return payload
    try {
      return decompress(payload, MAX_P2P_MESSAGE)
    } catch {
      return payload
    }
  }

  #failed(error: Error): void {
    this.#end(error, { tell: breakReason(error), keep: true })
  }

  /** The socket is gone, though its last messages may still wait for their reader. */
  #closed(): void {
    const error = this.#state.ended ?? unexplained()
    this.#stopSending(error)
    this.#gone.resolve(error)
  }

  #stopSending(error: Error): void {
    clearInterval(this.#ping)
    this.#line.end(error)
    if (!this.signal.aborted) this.#abort.abort(error)
  }

  #message(id: number, body: readonly Uint8Array[]): Uint8Array[] {
    if (!this.#snappy) return [encodeUint(id), ...body]
    let size = 0
    for (const part of body) size += part.length
    return [encodeUint(id), literalHeader(size), ...body]
  }

  #progress(): void {
    if (this.#state.ended !== undefined) return
    // Before those who wait in line: they would always leave none.
    if (this.#owesPong) this.#pong()
    this.#line.progress()
  }

  #end(error: Error, options: { tell?: number; clean?: boolean; keep?: boolean }): void {
    if (this.#state.ended !== undefined) return
    this.#state.ended = error
    this.#reader.end()
    if (options.tell !== undefined) {
      const body = [encodeDisconnect(options.tell)]
      this.#frames.send(this.#message(P2PMessage.Disconnect, body))
    }
    this.#frames.end(FIGURES.devp2p.close, { patient: options.clean === true })
    const cause = options.clean === true ? undefined : error
    for (const { stream } of this.#shared) stream.end(cause, { drop: options.keep !== true })
    this.#ready.reject(error)
    this.#stopSending(error)
  }
}
