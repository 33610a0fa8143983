/** The bytes are not the form they should be: truncated, oversized, not canonical, or of the wrong type. */
export class MalformedError extends Error {
  static override readonly name = 'MalformedError'
  override readonly name = 'MalformedError'
}

/** A value handed to an encoder cannot be said on the wire: out of range, or the chosen form has no place for it. */
export class UnencodableError extends Error {
  static override readonly name = 'UnencodableError'
  override readonly name = 'UnencodableError'
}
