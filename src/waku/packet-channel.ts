import type { PeerId } from '@libp2p/interface'
import type { Origin } from '../limits/origin.js'
import type { Judgement } from '../limits/throttle.js'
import type { StatusCodec } from '../wire/packet/status-codec.js'

/** One packet of a conversation: its code (0..127) and its body, raw RLP that nobody re-encodes on the way. */
export interface Packet {
  code: number
  body: Uint8Array
}

export type Network = 'libp2p' | 'devp2p'

/**
 * A long-lived conversation with one peer. Transports build it, the waku service runs it; nothing above a
 * transport can tell which network it belongs to except by these fields.
 */
export interface PacketChannel {
  readonly peer: PeerId
  readonly network: Network
  /** The peer and its address, so that many peers of one address get the shares of one. */
  readonly origin: Origin
  /** Beside another conversation with the same peer: envelopes are sent on that one while it lasts. */
  readonly secondary?: boolean
  /** Whether the peer has said that it sends nothing more; what it sent before may still wait to be read. */
  readonly ended?: boolean
  /** Whether nothing can be sent any more. */
  readonly gone: boolean
  /** How this peer spells Status and its updates. */
  readonly status: StatusCodec
  /** What an undecodable body costs: the conversation, or only the packet (some legacy networks). */
  readonly onMalformed: 'abort' | 'ignore'
  /**
   * Resolves when the transport took the packet and wants more: awaiting it is the backpressure.
   * Rejects when the conversation is over or the signal aborted.
   */
  send(code: number, body: Uint8Array, options?: { signal?: AbortSignal }): Promise<void>
  /** What the peer sends, in order, pulled: a slow consumer slows the peer. Ends on a clean close, throws when the stream broke. */
  readonly packets: AsyncIterable<Packet>
  /** Told that a packet that it delivered is being dealt with, beside what follows; absent where that is counted otherwise. */
  lend?(packet: Packet): void
  /** Told that a packet was dealt with: nobody has its bytes any more, and they may be released. */
  giveBack?(packet: Packet): void
  /** Told what became of what the peer sent. */
  judged(judgement: Judgement): void
  /** Ends the conversation after what was sent has left. */
  close(options?: { signal?: AbortSignal }): Promise<void>
  /** Ends it at once; the peer sees a reset (libp2p) or a disconnect with a reason (devp2p). */
  abort(reason: Error): void
}
