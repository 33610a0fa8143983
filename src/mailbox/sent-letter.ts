import type { PeerId } from '@libp2p/interface'
import pDefer, { type DeferredPromise } from 'p-defer'
import { LetterDiscardedError, LetterRefusedError } from './errors.js'

/** Why a server did not take a letter. */
export interface LetterRefusal {
  server: PeerId
  /** As its confirmation says: 1 means time (clocks differ), anything else another reason; absent when it was not even sent. */
  code?: number | undefined
  text: string
}

/** Where a letter stands. */
export type LetterState =
  /** kept, until there is a conversation with a server */
  | 'waiting'
  | 'sending'
  /** every server refused it; it is kept and tried again later */
  | 'refused'
  /** on the disks of as many servers as were asked for */
  | 'confirmed'
  /** taken out before that */
  | 'discarded'

/** What is told of a letter. */
export interface LetterChange {
  id: string
  state: LetterState
  /** PeerIds of the servers that have it. */
  confirmedBy: string[]
  refusals: LetterRefusal[]
  /** Hash of the envelope that it was sent in last, 64 hexadecimal digits. */
  hash?: string | undefined
}

/** A letter that was sent: it is kept in the outbox until it is confirmed, also when the program ends before. */
export class SentLetter {
  /** Its place in the outbox, also after a restart. */
  readonly id: string
  /**
   * Resolves when as many servers as were asked for have it on disk; rejects when every server refused it (it stays in the outbox
   * then, and is tried again), when it was discarded, and when the node stops before (it goes on when it starts again).
   */
  readonly confirmed: Promise<void>
  readonly #confirmed: DeferredPromise<void>
  #last: LetterChange

  constructor(id: string) {
    this.id = id
    this.#confirmed = pDefer()
    this.confirmed = this.#confirmed.promise
    // nobody has to look
    this.confirmed.catch(() => {})
    this.#last = { id, state: 'waiting', confirmedBy: [], refusals: [] }
  }

  get state(): LetterState {
    return this.#last.state
  }

  /** PeerIds of the servers that have it. */
  get confirmedBy(): readonly string[] {
    return this.#last.confirmedBy
  }

  /** Hash of the envelope that it was sent in last, 64 hexadecimal digits. */
  get hash(): string | undefined {
    return this.#last.hash
  }

  /** Of the last attempt. */
  get refusals(): readonly LetterRefusal[] {
    return this.#last.refusals
  }

  /** The mailbox says what became of it. */
  changed(change: LetterChange): void {
    this.#last = change
    if (change.state === 'confirmed') this.#confirmed.resolve()
    if (change.state === 'discarded') this.ended(new LetterDiscardedError('the letter was discarded'))
    if (change.state === 'refused') this.#confirmed.reject(new LetterRefusedError(change.refusals))
  }

  /** It is not followed any more. */
  ended(error: Error): void {
    this.#confirmed.reject(error)
  }
}
