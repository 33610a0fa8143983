/** The server is not on the trust list; nothing was asked of it. */
export class UntrustedServerError extends Error {
  static override readonly name = 'UntrustedServerError'
  override readonly name = 'UntrustedServerError'
}

/** The server was taken off the trust list, or its trust expired, while its history was being fetched. */
export class TrustRevokedError extends Error {
  static override readonly name = 'TrustRevokedError'
  override readonly name = 'TrustRevokedError'
}

/** The byte budget that the trust list gives the server is used up. */
export class ByteBudgetError extends Error {
  static override readonly name = 'ByteBudgetError'
  override readonly name = 'ByteBudgetError'
}

/** What was asked for makes no sense: times, topics, limits, key or dialect. */
export class HistoryQueryError extends Error {
  static override readonly name = 'HistoryQueryError'
  override readonly name = 'HistoryQueryError'
}

/** The cursor is that of another server, or no cursor at all. */
export class HistoryCursorError extends Error {
  static override readonly name = 'HistoryCursorError'
  override readonly name = 'HistoryCursorError'
}

/** There is more history, but the dialect has no way to ask for it; the pages so far were delivered. */
export class CannotContinueError extends Error {
  static override readonly name = 'CannotContinueError'
  override readonly name = 'CannotContinueError'
}

/** The server cannot tell in the order of ingest, or says nothing of coverage and digests: it is a legacy or an older one. */
export class IngestOrderError extends Error {
  static override readonly name = 'IngestOrderError'
  override readonly name = 'IngestOrderError'
}

/** Nothing came for too long. */
export class HistoryTimeoutError extends Error {
  static override readonly name = 'HistoryTimeoutError'
  override readonly name = 'HistoryTimeoutError'
}

/** A server whose answers have no completion sent nothing: it has nothing of what was asked, or it refused. */
export class SilentServerError extends Error {
  static override readonly name = 'SilentServerError'
  override readonly name = 'SilentServerError'
}

/** The client service is not started, or was stopped. */
export class MailClientStoppedError extends Error {
  static override readonly name = 'MailClientStoppedError'
  override readonly name = 'MailClientStoppedError'
}

/** In which way a server broke its word. */
export type Misbehaviour =
  /** more envelopes than asked for */
  | 'limit'
  /** more bytes than one request may bring */
  | 'bytes'
  /** too many envelopes that were not asked for */
  | 'foreign'
  /** a body that is none */
  | 'malformed'
  /** the completion names another last envelope than came */
  | 'last-hash'
  /** a cursor that does not move on, or does not fit its page */
  | 'cursor'
  /** pages without an envelope that claim that more exists */
  | 'empty-pages'

/** The server broke its word; nothing of the page concerned was delivered. */
export class MisbehavingServerError extends Error {
  static override readonly name = 'MisbehavingServerError'
  override readonly name = 'MisbehavingServerError'

  constructor(
    readonly reason: Misbehaviour,
    message: string,
    options?: ErrorOptions
  ) {
    super(message, options)
  }
}
