const INTERVAL_MS = 1_000

/**
 * Calls `onGone` when the process that started this one is gone. npm hands SIGINT and SIGTERM on, but when it dies of anything
 * else the node would run on without it, holding port and data dir.
 * @returns ends the watch
 */
export function watchParent(onGone: () => void): () => void {
  const parent = process.ppid
  const timer = setInterval(() => {
    if (process.ppid === parent) return
    clearInterval(timer)
    onGone()
  }, INTERVAL_MS)
  timer.unref()
  return () => clearInterval(timer)
}
