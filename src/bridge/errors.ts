/** An upstream mailserver sent what no mailserver sends: too much, or bytes that are no answer. */
export class UpstreamMisbehavedError extends Error {
  static override readonly name = 'UpstreamMisbehavedError'
  override readonly name = 'UpstreamMisbehavedError'
}

/** The upstream relay ends; requests that are under way are given up. */
export class UpstreamRelayStoppedError extends Error {
  static override readonly name = 'UpstreamRelayStoppedError'
  override readonly name = 'UpstreamRelayStoppedError'
}

/** There is no connection with an upstream mailserver, and none could be had. */
export class UpstreamUnreachableError extends Error {
  static override readonly name = 'UpstreamUnreachableError'
  override readonly name = 'UpstreamUnreachableError'
}

/** Others kept an upstream mailserver busy for as long as a requester waits. */
export class NoTurnError extends Error {
  static override readonly name = 'NoTurnError'
  override readonly name = 'NoTurnError'
}

/** A requester took its answer so slowly that others waited for the upstream. */
export class SlowRequesterError extends Error {
  static override readonly name = 'SlowRequesterError'
  override readonly name = 'SlowRequesterError'
}

/** A requester had as many bytes forwarded as it may for now. */
export class AllowanceSpentError extends Error {
  static override readonly name = 'AllowanceSpentError'
  override readonly name = 'AllowanceSpentError'
}
