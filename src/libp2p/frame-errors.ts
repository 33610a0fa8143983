/** A frame longer than its code allows. Nothing of its body was buffered. */
export class FrameTooLargeError extends Error {
  static override name = 'FrameTooLargeError'
  override name = 'FrameTooLargeError'
}

/** Too many bytes of all peers are not read yet, and most of them came from this address. */
export class FrameMemoryError extends Error {
  static override name = 'FrameMemoryError'
  override name = 'FrameMemoryError'
}

/** The peer closed its side inside a frame. */
export class FrameTruncatedError extends Error {
  static override name = 'FrameTruncatedError'
  override name = 'FrameTruncatedError'
}

/** The peer stayed silent, or stopped reading, for longer than the stream allows. */
export class FrameTimeoutError extends Error {
  static override name = 'FrameTimeoutError'
  override name = 'FrameTimeoutError'
}

/** A frame was to be sent on a stream whose writable side is closed. */
export class FrameStreamClosedError extends Error {
  static override name = 'FrameStreamClosedError'
  override name = 'FrameStreamClosedError'
}
