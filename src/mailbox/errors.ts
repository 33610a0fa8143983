import type { LetterRefusal } from './sent-letter.js'

/** An option of the mailbox is of another type or out of its range. */
export class MailboxInitError extends Error {
  static override readonly name = 'MailboxInitError'
  override readonly name = 'MailboxInitError'
}

/** The node is not started, or was stopped. */
export class MailboxStoppedError extends Error {
  static override readonly name = 'MailboxStoppedError'
  override readonly name = 'MailboxStoppedError'
}

/** What is wrong with a letter. */
export type LetterFault =
  /** it has something that no message has */
  | 'message'
  /** neither `topic` nor `to`, or no topic */
  | 'topic'
  /** no text and no bytes */
  | 'payload'
  /** sealed it fits no packet */
  | 'too-large'
  /** no symmetric key, or a topic in digits without one */
  | 'key'
  /** no number of seconds that is taken */
  | 'ttl'
  /** no number of servers that there are */
  | 'confirmations'
  /** it names nobody who has a secp256k1 key: nothing can be sealed for it */
  | 'recipient'

/** What is to be sent cannot be a message; nothing was kept. */
export class LetterError extends Error {
  static override readonly name = 'LetterError'
  override readonly name = 'LetterError'

  constructor(
    readonly reason: LetterFault,
    message: string
  ) {
    super(message)
  }
}

/** The outbox holds as much as it may; nothing was kept. */
export class OutboxFullError extends Error {
  static override readonly name = 'OutboxFullError'
  override readonly name = 'OutboxFullError'
}

/** Every server refused a letter. It stays in the outbox and is tried again later. */
export class LetterRefusedError extends Error {
  static override readonly name = 'LetterRefusedError'
  override readonly name = 'LetterRefusedError'

  constructor(readonly refusals: readonly LetterRefusal[]) {
    super(`every server refused the letter: ${refusals.map(({ text }) => text).join('; ')}`)
  }
}

/** A letter was taken out of the outbox before anybody confirmed it. */
export class LetterDiscardedError extends Error {
  static override readonly name = 'LetterDiscardedError'
  override readonly name = 'LetterDiscardedError'
}

/** The datastore could not write, or read, what the mailbox keeps in it. */
export class MailboxStorageError extends Error {
  static override readonly name = 'MailboxStorageError'
  override readonly name = 'MailboxStorageError'
  /** Whether there is no room, as far as the platform says so. */
  readonly reason: 'full' | 'failed'

  constructor(message: string, { cause }: { cause: unknown }) {
    super(message, { cause })
    this.reason = isFull(cause) ? 'full' : 'failed'
  }
}

/** What is asked of `messages` makes no sense: topics, keys, times. */
export class MessagesQueryError extends Error {
  static override readonly name = 'MessagesQueryError'
  override readonly name = 'MessagesQueryError'
}

/** Comparing a server with what was read was given up: it makes it endless. */
export class ComparisonError extends Error {
  static override readonly name = 'ComparisonError'
  override readonly name = 'ComparisonError'
}

/** The same messages are read already: each reader has to have a name of its own. */
export class ReaderInUseError extends Error {
  static override readonly name = 'ReaderInUseError'
  override readonly name = 'ReaderInUseError'
}

/** Datastores put into words what they met; a browser that has no room ends the transaction. */
const NO_ROOM = /QuotaExceeded|AbortError|ENOSPC|no space left/i

/** A browser's quota, a full disk. */
function isFull(error: unknown): boolean {
  for (let cause = error, depth = 0; cause instanceof Error && depth < 5; cause = cause.cause, depth++) {
    const { code } = cause as { code?: unknown }
    if (cause.name === 'QuotaExceededError' || code === 'ENOSPC' || NO_ROOM.test(cause.message)) return true
  }
  return false
}
