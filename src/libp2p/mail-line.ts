import type { Connection, PeerId, Stream } from '@libp2p/interface'
import type { ConnectionManager } from '@libp2p/interface-internal'
import { pause } from '../base/pause.js'
import * as FIGURES from '../limits/figures.js'
import { LineBrokenError, ServerUnreachableError, StreamRefusedError } from '../waku/mail-errors.js'
import type { MailDialler, MailExchangeOptions, MailLine } from '../waku/mail-exchange.js'
import type { Packet } from '../waku/packet-channel.js'
import { PacketCode } from '../wire/packet/packet-code.js'
import { askingLibp2p } from '../wire/request/mail-codec.js'
import { failedDial } from './failed-dial.js'
import { FrameStream } from './frame-stream.js'
import { connectionTo } from './limited-connection.js'
import { MAIL_PROTOCOL } from './mail-protocol.js'

/** Opens a mailserver stream to a peer, dialling it when there is no connection. */
export function libp2pMailDialler(connectionManager: ConnectionManager): MailDialler {
  return async (server, { signal, address }) => {
    let stream: Stream
    let connection: Connection
    try {
      connection = await connectionTo(server, connectionManager, { signal, address })
      stream = await connection.newStream(MAIL_PROTOCOL, { signal, runOnLimitedConnection: true })
    } catch (cause) {
      signal.throwIfAborted()
      const { reason, text } = await failedDial(cause)
      throw new ServerUnreachableError(`the server cannot be reached: ${text}`, { reason, cause })
    }
    return new StreamMailLine(stream, server, connection)
  }
}

/** A mailserver stream as the line on which the client asks; kept for the whole history. */
export class StreamMailLine implements MailLine {
  readonly peer: PeerId
  readonly network = 'libp2p'
  readonly codec = askingLibp2p
  readonly #frames: FrameStream
  readonly #connection: Pick<Connection, 'status'> | undefined
  #fresh = true

  constructor(stream: Stream, peer: PeerId, connection?: Pick<Connection, 'status'>) {
    this.peer = peer
    this.#connection = connection
    this.#frames = new FrameStream(stream, { writeTimeout: FIGURES.streams.write })
  }

  async *exchange(body: Uint8Array, { signal, onSent }: MailExchangeOptions): AsyncGenerator<Packet, void> {
    const cancel = (): void => this.abort(signal.reason as Error)
    try {
      signal.throwIfAborted()
      signal.addEventListener('abort', cancel, { once: true })
      await this.#frames.send(PacketCode.Request, body, { signal })
      onSent?.()
      for await (const packet of this.#frames.packets) {
        this.#fresh = false
        yield packet
      }
    } catch (cause) {
      signal.throwIfAborted()
      throw await this.#broken(cause)
    } finally {
      signal.removeEventListener('abort', cancel)
    }
    throw new LineBrokenError('the server closed the stream')
  }

  close(): Promise<void> {
    return this.#frames.close()
  }

  abort(reason: Error): void {
    this.#frames.abort(reason)
  }

  /** A stream over the server's limit is negotiated and then reset: it looks closed from the start, as on a connection that ends. */
  async #broken(cause: unknown): Promise<Error> {
    const name = (cause as Error).name
    if (!this.#fresh || !REFUSED.has(name)) return new LineBrokenError('the line to the server broke', { cause })
    await pause() // the streams of a connection end before it says so itself
    if (this.#connection !== undefined && this.#connection.status !== 'open')
      return new LineBrokenError('the connection to the server ended before it answered', { cause })
    return new StreamRefusedError('the server reset the new stream and kept the connection: too many may be open', {
      cause
    })
  }
}

const REFUSED = new Set(['StreamStateError', 'StreamResetError', 'FrameStreamClosedError', 'StreamClosedError'])
