/** As long as a timer can be: some 25 days. */
const LONG_MS = 2 ** 31 - 1

/**
 * Keeps the process alive until work is done. The deadlines of `AbortSignal.timeout` do not: where a connection is gone and one
 * of them is all that is left to wait for, the process would end before it, with exit code 13 and without a word.
 */
export async function heldOpen<T>(work: Promise<T>): Promise<T> {
  const timer = setInterval(() => {}, LONG_MS)
  try {
    return await work
  } finally {
    clearInterval(timer)
  }
}
