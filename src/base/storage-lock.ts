/** A storage cannot be kept for one peer alone. */
export class StorageLockError extends Error {
  static override readonly name = 'StorageLockError'
  override readonly name = 'StorageLockError'

  constructor(
    /** Another tab, or another peer in this one, uses it; or the page was not loaded securely, and nobody can tell. */
    readonly reason: 'in-use' | 'insecure-page',
    message: string
  ) {
    super(message)
  }
}

/**
 * Keeps a storage that several tabs share, such as an IndexedDB database, for one peer: two that write to it would undo each other.
 * Lasts until it is released or the tab is closed. Outside of browsers it does nothing.
 *
 * @param name of the storage
 * @returns releases it
 * @throws {StorageLockError}
 */
export async function lockStorage(name: string): Promise<() => void> {
  const { navigator, isSecureContext } = globalThis as { navigator?: Partial<Navigator>; isSecureContext?: boolean }
  const locks = navigator?.locks
  if (isSecureContext === false) {
    throw new StorageLockError(
      'insecure-page',
      `${name} cannot be kept for one tab: the page was not loaded over https`
    )
  }
  // Node has locks from version 24, among its own threads
  if (locks === undefined || isSecureContext === undefined) return () => {}
  return await new Promise<() => void>((resolve, reject) => {
    locks
      .request(`waku-mailserver:${name}`, { ifAvailable: true }, lock => {
        if (lock === null) throw new StorageLockError('in-use', `${name} is in use by another tab`)
        return new Promise<void>(release => resolve(release))
      })
      .catch(reject)
  })
}
