/** The peer sent no Status in time, something else first, or one that is invalid. */
export class HandshakeError extends Error {
  static override readonly name = 'HandshakeError'
  override readonly name = 'HandshakeError'
}

/** Two light nodes have nothing to say to each other. */
export class UselessPeerError extends Error {
  static override readonly name = 'UselessPeerError'
  override readonly name = 'UselessPeerError'
}

/** A peer broke the rules for envelopes more often than the node allows. */
export class MisbehaviourError extends Error {
  static override readonly name = 'MisbehaviourError'
  override readonly name = 'MisbehaviourError'
}

/** The conversation ended while something was expected of it. */
export class SessionOverError extends Error {
  static override readonly name = 'SessionOverError'
  override readonly name = 'SessionOverError'
}

/** Why a peer cannot be dialled. */
export type UnreachableReason =
  /** the page came over https and the address is `ws:`, or it did not come over https and has no cryptography to dial */
  | 'insecure-page'
  /** the connection gater refuses every address; in a browser it refuses `ws:` and private ones unless told otherwise */
  | 'refused-address'
  /** the browser asks its user before a page may reach the local network, and was not allowed */
  | 'local-network'
  /** no address is known, or none for a transport of this node */
  | 'no-address'
  /** expired, of another name, or of an unknown issuer; a browser tells no page, see `no-answer` */
  | 'certificate'
  /** the browser knows that it is offline */
  | 'offline'
  /** it is connected through a relay, which carries history alone */
  | 'relayed'
  /** it was reached and does not serve history */
  | 'no-mailserver'
  /** anything else */
  | 'no-answer'

/** There is no conversation with that peer, and none could be had. */
export class NotConnectedError extends Error {
  static override readonly name = 'NotConnectedError'
  override readonly name = 'NotConnectedError'
  /** There when it could not be dialled. */
  readonly reason: UnreachableReason | undefined

  constructor(message: string, { reason, cause }: { reason?: UnreachableReason | undefined; cause?: unknown } = {}) {
    super(message, cause === undefined ? {} : { cause })
    this.reason = reason
  }
}

/** The peer did not announce that it confirms what it receives. */
export class NoConfirmationsError extends Error {
  static override readonly name = 'NoConfirmationsError'
  override readonly name = 'NoConfirmationsError'
}

/** The peer announced that it does not take such an envelope: its proof of work or its topic. */
export class UnwantedEnvelopeError extends Error {
  static override readonly name = 'UnwantedEnvelopeError'
  override readonly name = 'UnwantedEnvelopeError'
}

/** A message cannot be posted as it is: topic, key, TTL, size or time. */
export class InvalidPostError extends Error {
  static override readonly name = 'InvalidPostError'
  override readonly name = 'InvalidPostError'
}

/** The proof of work that is asked for is out of reach. */
export class MiningTargetError extends Error {
  static override readonly name = 'MiningTargetError'
  override readonly name = 'MiningTargetError'
}

/** The node is stopping or stopped. */
export class WakuStoppedError extends Error {
  static override readonly name = 'WakuStoppedError'
  override readonly name = 'WakuStoppedError'
}
