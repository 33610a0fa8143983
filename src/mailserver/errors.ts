/** A key cannot be put on the keyring: its name, its length, or there are too many; nothing was changed. */
export class KeyringError extends Error {
  static override readonly name = 'KeyringError'
  override readonly name = 'KeyringError'
}

/** A key of that name is on the keyring already; nothing was changed. */
export class KeyExistsError extends Error {
  static override readonly name = 'KeyExistsError'
  override readonly name = 'KeyExistsError'
}

/** A record of the keyring in the datastore cannot be read. */
export class KeyRecordError extends Error {
  static override readonly name = 'KeyRecordError'
  override readonly name = 'KeyRecordError'
}

/** An option of the service is out of its range. */
export class MailserverInitError extends Error {
  static override readonly name = 'MailserverInitError'
  override readonly name = 'MailserverInitError'
}

/** The requester cancelled, is gone, or took nothing for too long; there is nobody left to answer. */
export class RequesterGoneError extends Error {
  static override readonly name = 'RequesterGoneError'
  override readonly name = 'RequesterGoneError'
}

/** The service stopped before the answer was complete. */
export class MailserverStoppedError extends Error {
  static override readonly name = 'MailserverStoppedError'
  override readonly name = 'MailserverStoppedError'
}
