/** An `enode://` URL, or a node id in it, is not the form it should be. */
export class EnodeError extends Error {
  static override readonly name = 'EnodeError'
  override readonly name = 'EnodeError'
}

/** The encrypted channel could not be agreed: foreign or altered packets, a wrong key, or no answer in time. */
export class RlpxHandshakeError extends Error {
  static override readonly name = 'RlpxHandshakeError'
  override readonly name = 'RlpxHandshakeError'
}

/** What the peer sent breaks the framing: a wrong MAC, a size over the limit, a message that is no message. */
export class FrameError extends Error {
  static override readonly name = 'FrameError'
  override readonly name = 'FrameError'
}

/** A compressed body that does not decompress, or to more than is allowed. */
export class SnappyError extends Error {
  static override readonly name = 'SnappyError'
  override readonly name = 'SnappyError'
}

/** A peer could not be reached within the time given. */
export class DialError extends Error {
  static override readonly name = 'DialError'
  override readonly name = 'DialError'
}

/** The peer went silent, or stopped reading what we send. */
export class StalledError extends Error {
  static override readonly name = 'StalledError'
  override readonly name = 'StalledError'
}

/** A message found no room in the memory that all peers share. */
export class NoRoomError extends Error {
  static override readonly name = 'NoRoomError'
  override readonly name = 'NoRoomError'
}

/** More waits to be sent on a connection than it may hold. */
export class BusyConnectionError extends Error {
  static override readonly name = 'BusyConnectionError'
  override readonly name = 'BusyConnectionError'
}

/** A peer goes on with an answer long after it was given up. */
export class StillSendingError extends Error {
  static override readonly name = 'StillSendingError'
  override readonly name = 'StillSendingError'
}
