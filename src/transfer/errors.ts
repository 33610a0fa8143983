/** A file or a stream is no export, is damaged, or was written by a newer version; the message says what to do. */
export class ExportFormatError extends Error {
  static override readonly name = 'ExportFormatError'
  override readonly name = 'ExportFormatError'
}

/** What an import is to read from cannot be read: it is missing, foreign, damaged, newer, or in use. The message says what to do. */
export class SourceError extends Error {
  static override readonly name = 'SourceError'
  override readonly name = 'SourceError'
}

/** A courier file was signed by nobody whom this data dir trusts, or not by whom it names. */
export class CourierError extends Error {
  static override readonly name = 'CourierError'
  override readonly name = 'CourierError'
}
