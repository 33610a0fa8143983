import type { Connection, Stream } from '@libp2p/interface'

interface Resting {
  until: number
  timer: ReturnType<typeof setTimeout>
}

const resting = new WeakMap<Connection, Resting>()

/**
 * Reads nothing of a connection for so many ms, or until it has rested that long for another reason: what its peer sends stays in
 * the socket, where it fills the peer's memory and not ours. Only of those that dialled us: whoever was dialled is wanted.
 */
export function rest(connection: Connection, ms: number): void {
  if (connection.direction === 'outbound') return
  const until = performance.now() + ms
  const before = resting.get(connection)
  if (before !== undefined && before.until >= until) return
  clearTimeout(before?.timer)
  const { maConn } = connection as unknown as { maConn: Pick<Stream, 'readStatus' | 'pause' | 'resume'> }
  const timer = setTimeout(() => {
    resting.delete(connection)
    if (maConn.readStatus === 'paused') maConn.resume()
  }, ms)
  resting.set(connection, { until, timer })
  if (maConn.readStatus === 'readable') maConn.pause()
}
