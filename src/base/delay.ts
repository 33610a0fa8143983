/**
 * Resolves after so many milliseconds. The package `delay` does the same and brings half a KiB into a page: what libp2p loads there
 * does without it.
 *
 * @throws the reason of `signal`, when it aborts before
 */
export function delay(ms: number, { signal }: { signal?: AbortSignal | undefined } = {}): Promise<void> {
  return new Promise((resolve, reject) => {
    if (signal?.aborted === true) return reject(signal.reason)
    const onAbort = (): void => {
      clearTimeout(timer)
      reject(signal?.reason)
    }
    const timer = setTimeout(() => {
      signal?.removeEventListener('abort', onAbort)
      resolve()
    }, ms)
    signal?.addEventListener('abort', onAbort, { once: true })
  })
}
