/** What was to be put on the trust list is out of range; nothing was changed. */
export class TrustEntryError extends Error {
  static override readonly name = 'TrustEntryError'
  override readonly name = 'TrustEntryError'
}

/** A record of the trust list in the datastore cannot be read. */
export class TrustRecordError extends Error {
  static override readonly name = 'TrustRecordError'
  override readonly name = 'TrustRecordError'
}
