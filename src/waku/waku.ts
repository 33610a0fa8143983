import type { PeerId } from '@libp2p/interface'
import type { PeerTarget } from '../base/peer-target.js'
import type { StatusOptions } from '../wire/packet/status.js'
import type { Message, PostResult, SealedMessage } from './message.js'
import type { Network } from './packet-channel.js'
import type { MessageFilter, ReceivedMessage } from './subscription.js'

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

/** The base node as applications use it: live envelopes to and from peers of any network. */
export interface Waku {
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
   * Changes what the node announces and takes, and lets every peer know what changed as soon as it reads. Envelopes that
   * the previous values let through are still taken for 10 s.
   *
   * @throws {UnencodableError} when an option is out of its range; nothing changed then
   * @throws {RangeError} when a byte limit is below the largest packet; nothing changed then
   */
  updateStatus(options: StatusOptions): Promise<void>
  /** What the node announces. */
  readonly status: StatusOptions
  /** The peers that Status was exchanged with, each once. */
  peers(): WakuPeer[]
  /**
   * Resolves when Status was exchanged with the peer; at once when that is so already. Named by a multiaddr it is dialled there.
   *
   * @throws {NotConnectedError} when no transport reaches it, or it ended the conversation
   * @throws {HandshakeError} when its Status was late or invalid
   * @throws {WakuStoppedError} when the node does not run
   * @throws {TypeError} for what names no peer, or an option that is none
   */
  connect(peer: PeerTarget, options?: { signal?: AbortSignal | undefined }): Promise<void>
  /**
   * Calls `onChange` whenever a conversation became ready or ended; `peers()` says which there are. What it throws is logged.
   *
   * @returns takes it back
   * @throws {TypeError} when it is no function
   */
  watchPeers(onChange: () => void): () => void
}
