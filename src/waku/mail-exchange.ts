import type { PeerId } from '@libp2p/interface'
import type { Multiaddr } from '@multiformats/multiaddr'
import type { Origin } from '../limits/origin.js'
import type { AnsweringCodec, AskingCodec } from '../wire/request/mail-codec.js'
import type { Network, Packet } from './packet-channel.js'

/** The server's side of one history request (0x7e): built by a transport, answered by the mailserver service. */
export interface IncomingRequest {
  readonly peer: PeerId
  readonly network: Network
  /** Where the peer is; see `PacketChannel`. */
  readonly origin: Origin
  /** Most bytes of 0x7f bodies that the way to the requester is good for; absent where nothing limits it. */
  readonly maxPageBytes?: number | undefined
  /** The body of the 0x7e packet, raw. */
  readonly body: Uint8Array
  /** Which request forms this peer may use and how it is answered. */
  readonly codec: AnsweringCodec
  /**
   * Sends a 0x7f or 0x7d, whose body may be in pieces; awaiting it is the backpressure. Rejects when the requester is gone or
   * stalled too long.
   */
  send(code: number, body: Uint8Array | readonly Uint8Array[]): Promise<void>
  /** Ends the whole stream (or conversation) that the request came on. */
  abort(reason: Error): void
  /** Aborted when the requester cancelled or is gone. */
  readonly signal: AbortSignal
}

/** Answers one request: resolves after its 0x7d left, or after it gave the stream up. Never rejects. */
export type RequestHandler = (request: IncomingRequest) => Promise<void>

export interface MailExchangeOptions {
  signal: AbortSignal
  /** How long a server is silent, in ms, when it is through with an answer that has no 0x7d. */
  quiet?: number | undefined
  /** Called when the request left: before, it may have waited for others on the same line. */
  onSent?: (() => void) | undefined
}

/**
 * The requester's side: a line to one mailserver on which exchanges follow each other in turn.
 * On libp2p one stream; on devp2p the peer's connection.
 */
export interface MailLine {
  readonly peer: PeerId
  readonly network: Network
  readonly codec: AskingCodec
  /**
   * Sends a 0x7e and yields the 0x7f and 0x7d packets that follow, pulled, until the consumer stops reading after the 0x7d.
   * One exchange at a time. Throws when the line broke or the signal aborted. Where `quiet` is given there may be no 0x7d:
   * then it ends when nothing came for so many ms after the first packet (devp2p; a libp2p server always completes).
   */
  exchange(body: Uint8Array, options: MailExchangeOptions): AsyncIterable<Packet>
  /** No further exchange; lets the server close its side. */
  close(): Promise<void>
  /** Cancels whatever is under way: reset of the stream (libp2p), drain to 0x7d (devp2p). */
  abort(reason: Error): void
}

/** Opens a line to a mailserver that is already connected or can be dialled, at `address` when that is known. */
export type MailDialler = (
  server: PeerId,
  options: { signal: AbortSignal; address?: Multiaddr | undefined }
) => Promise<MailLine>
