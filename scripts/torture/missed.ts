/** The fault of a run did nothing, by chance: another run has to be made. */
export class MissedError extends Error {
  static override readonly name = 'MissedError'
  override readonly name = 'MissedError'
}
