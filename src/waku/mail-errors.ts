import type { UnreachableReason } from './errors.js'

/** The line to the server broke before its answer was complete. */
export class LineBrokenError extends Error {
  static override readonly name = 'LineBrokenError'
  override readonly name = 'LineBrokenError'
}

/** The server cannot be reached, or is no mailserver. */
export class ServerUnreachableError extends Error {
  static override readonly name = 'ServerUnreachableError'
  override readonly name = 'ServerUnreachableError'
  readonly reason: UnreachableReason

  constructor(message: string, { reason = 'no-answer', cause }: { reason?: UnreachableReason; cause?: unknown } = {}) {
    super(message, cause === undefined ? {} : { cause })
    this.reason = reason
  }
}

/** The server reset a new stream before it answered anything: too many are open between us. */
export class StreamRefusedError extends Error {
  static override readonly name = 'StreamRefusedError'
  override readonly name = 'StreamRefusedError'
}
