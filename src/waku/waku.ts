import type { PeerId } from '@libp2p/interface'
import type { Multiaddr } from '@multiformats/multiaddr'
import type { PeerTarget } from '../base/peer-target.js'
import type { Limits } from '../limits/limits.js'
import type { Envelope } from '../wire/envelope/envelope.js'
import type { StatusOptions } from '../wire/packet/status.js'
import type { Counters } from './counters.js'
import type { Message, PostResult, SealedMessage } from './message.js'
import type { Network, PacketChannel } from './packet-channel.js'
import type { EnvelopeStore } from './store-batch.js'
import type { MessageFilter, ReceivedMessage } from './subscription.js'
import type { Twins } from './twins.js'

/** A peer that there is a conversation with. */
export interface WakuPeer {
  peer: PeerId
  network: Network
  /** What it announced, updates merged; its rate limits are kept here and not acted on. */
  status: StatusOptions
  light: boolean
  /** It confirms what it receives. */
  confirmations: boolean
  /** When the conversation became ready, Unix seconds. */
  since: number
}

export interface RunOptions {
  retire?: AbortSignal | undefined
  onReady?: (() => void) | undefined
}

/** Gets a conversation with a peer, or throws: dials it (at `address` when that is known), opens a stream, hands the channel to `run`. */
export type Connector = (
  peer: PeerId,
  options: { signal: AbortSignal; address?: Multiaddr | undefined }
) => Promise<void>

/** The base node service: live envelopes to and from peers of any network. */
export interface Waku {
  /**
   * Takes over a fresh conversation; transports call it. Resolves when the conversation is over, with what ended it
   * other than a clean close; never rejects. When `retire` aborts, it gives way: what was accepted is confirmed, then
   * the channel is closed. `onReady` is called once Status was exchanged.
   */
  run(channel: PacketChannel, options?: RunOptions): Promise<Error | undefined>
  /** Where accepted envelopes are stored before they are confirmed; without one there is nothing to wait for. */
  setStore(store: EnvelopeStore | undefined): void
  /**
   * Calls `onMessage` for each message that passes the filter, live or historic, once. It runs while the envelope is
   * being taken in, so it should be quick; what it throws is counted and logged.
   *
   * @returns ends the subscription
   * @throws {TypeError} when a topic, the key or the signer has the wrong length, or a signer is asked for without a key
   */
  subscribe(filter: MessageFilter, onMessage: (message: ReceivedMessage) => unknown): () => void
  /**
   * Seals and mines a message (or takes an envelope as it is) and sends it to `to`, or to all peers that want it, now and
   * for as long as it lives. Resolves when everyone who announced confirmations answered, at the latest after the timeout.
   *
   * @throws {NotConnectedError} when there is no conversation with `to`
   * @throws {NoConfirmationsError} when `to` does not confirm
   * @throws {UnwantedEnvelopeError} when `to` announced that it does not take such an envelope
   * @throws {InvalidPostError} when the message cannot be an envelope that peers take
   * @throws {MiningTargetError} when the proof of work is out of reach
   */
  post(
    message: Message | SealedMessage,
    options?: { signal?: AbortSignal | undefined; timeout?: number | undefined }
  ): Promise<PostResult>
  /**
   * Brings an envelope of a mailserver to the subscribers, marked as historic. It is not forwarded and not stored.
   *
   * @returns false when subscribers want it and all of them had it before
   */
  deliverHistoric(envelope: Envelope, peer: PeerId): boolean
  /**
   * Changes what the node announces and takes, and lets every peer know what changed as soon as it reads. Envelopes that
   * the previous values let through are still taken for 10 s.
   *
   * @throws {UnencodableError} when an option is out of its range; nothing changed then
   * @throws {RangeError} when a byte limit is below the largest packet; nothing changed then
   */
  updateStatus(options: StatusOptions): Promise<void>
  /** What the node announces. */
  readonly status: StatusOptions
  peers(): WakuPeer[]
  readonly counters: Counters
  /** What its peers share, whichever transport they come by. */
  readonly limits: Limits
  /** Where transports say what hints at two peers of one identity. */
  readonly twins: Twins
  /**
   * Transports say how they reach a peer.
   *
   * @returns takes it back
   */
  addConnector(connect: Connector): () => void
  /**
   * Resolves when Status was exchanged with the peer; at once when that is so already. Named by a multiaddr it is dialled there.
   *
   * @throws {NotConnectedError} when no transport reaches it, or it ended the conversation
   * @throws {HandshakeError} when its Status was late or invalid
   * @throws {WakuStoppedError} when the node does not run
   * @throws {TypeError} for what names no peer
   */
  connect(peer: PeerTarget, options?: { signal?: AbortSignal | undefined }): Promise<void>
  /**
   * Calls `onChange` whenever a conversation became ready or ended; `peers()` says which there are.
   *
   * @returns takes it back
   */
  watchPeers(onChange: () => void): () => void
}
