import type { StreamMuxerFactory } from '@libp2p/interface'
import * as FIGURES from '../limits/figures.js'

/** What is used here of a muxer that pings by itself, as yamux does every 30 s. */
interface Pinging {
  ping(options?: { signal?: AbortSignal }): Promise<number>
  onData(bytes: unknown): void
}

/**
 * Ends connections whose peer is gone without a word: nothing at all came for so long after yamux' own ping. libp2p's connection
 * monitor opens a stream for each ping, to all peers at once every ten seconds: with 5000 of them that takes half a core and keeps
 * everybody waiting for seconds.
 *
 * @param muxer yamux, which pings but does not mind when nobody answers
 */
export function endSilent(
  muxer: () => StreamMuxerFactory,
  { patience = FIGURES.connections.silence }: { patience?: number } = {}
): () => StreamMuxerFactory {
  return () => {
    const factory = muxer()
    const create = factory.createStreamMuxer.bind(factory)
    factory.createStreamMuxer = connection => {
      const made = create(connection)
      watch(made as unknown as Pinging, patience, error => connection.abort(error))
      return made
    }
    return factory
  }
}

function watch(muxer: Pinging, patience: number, end: (error: Error) => void): void {
  const { ping, onData } = muxer
  let heard = false
  muxer.onData = bytes => {
    heard = true
    onData.call(muxer, bytes)
  }
  muxer.ping = async options => {
    heard = false
    const timer = setInterval(() => {
      // a slow peer has to read what was sent before until it sees the ping
      if (!heard) end(new Error(`nothing came from the peer for ${patience} ms`))
      heard = false
    }, patience)
    timer.unref?.()
    try {
      return await ping.call(muxer, options)
    } finally {
      clearInterval(timer)
    }
  }
}
