import type { PeerId } from '@libp2p/interface'
import { equalBytes, toHex } from '../wire/bytes.js'
import type { Envelope } from '../wire/envelope/envelope.js'
import { topicNumber } from '../wire/envelope/topic.js'
import { RecentHashes } from './recent-hashes.js'

/** Which messages a subscriber wants; every condition that is given must hold. */
export interface MessageFilter {
  /** 4 bytes each; absent: any topic. */
  topics?: Uint8Array[] | undefined
  /** Symmetric key, 32 bytes: only what it opens. Absent: envelopes as they are, not decrypted. */
  key?: Uint8Array | undefined
  /** Uncompressed public key, 65 bytes: only what it signed. Needs `key`. */
  signer?: Uint8Array | undefined
  /**
   * Whether history is delivered too, beside what is live.
   *
   * @default true
   */
  historic?: boolean | undefined
}

/** A message as a subscriber gets it. */
export interface ReceivedMessage {
  envelope: Envelope
  /** 4 bytes. */
  topic: Uint8Array
  /** It came from a mailserver, not from the live network. */
  historic: boolean
  /** Who it came from; absent when this node posted it. */
  peer?: PeerId | undefined
  /** Decrypted; absent when the filter has no key. */
  payload?: Uint8Array | undefined
  /** Uncompressed public key (65 bytes) of the signer; absent when unsigned or not decrypted. */
  signer?: Uint8Array | undefined
}

/** One subscriber with its filter and its memory of what it got. */
export class Subscription {
  readonly topics: ReadonlySet<number> | undefined
  readonly key: Uint8Array | undefined
  readonly keyId: string | undefined
  readonly historic: boolean
  readonly #signer: Uint8Array | undefined
  readonly #onMessage: (message: ReceivedMessage) => unknown
  readonly #delivered: RecentHashes

  constructor(filter: MessageFilter, onMessage: (message: ReceivedMessage) => unknown, memory: number) {
    this.topics = filter.topics && new Set(filter.topics.map(topicNumber))
    this.key = filter.key?.slice()
    this.keyId = filter.key && toHex(filter.key)
    this.historic = filter.historic ?? true
    this.#signer = filter.signer?.slice()
    this.#onMessage = onMessage
    this.#delivered = new RecentHashes(memory)
  }

  wantsSigner(signer: Uint8Array | undefined): boolean {
    return this.#signer === undefined || (signer !== undefined && equalBytes(this.#signer, signer))
  }

  has(hash: string): boolean {
    return this.#delivered.has(hash)
  }

  /** May throw whatever the subscriber throws. */
  deliver(message: ReceivedMessage): unknown {
    this.#delivered.add(message.envelope.hashHex)
    return this.#onMessage(message)
  }
}
