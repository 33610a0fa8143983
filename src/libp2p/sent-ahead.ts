import type { Stream } from '@libp2p/interface'

/** Has a peer send at most so many bytes ahead: yamux doubles that for each that is slow to answer a ping. */
export function narrow(stream: Stream, bytes: number): void {
  const yamux = stream as { maxStreamWindowSize?: number; recvWindow?: number }
  if (yamux.maxStreamWindowSize === undefined || yamux.recvWindow === undefined) return
  yamux.maxStreamWindowSize = Math.min(yamux.maxStreamWindowSize, bytes)
  yamux.recvWindow = Math.min(yamux.recvWindow, bytes)
}

/** What comes while a stream is paused is kept by it, and no event tells of that. */
export function onArrivalWhilePaused(stream: Stream, tell: () => void): void {
  const arriving = stream as { onData?: (data: unknown) => void }
  const onData = arriving.onData?.bind(arriving)
  if (onData === undefined) return
  arriving.onData = data => {
    onData(data)
    if (stream.readStatus === 'paused') tell()
  }
}
