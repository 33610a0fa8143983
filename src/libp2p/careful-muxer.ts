import type { StreamMuxerFactory } from '@libp2p/interface'
import type { AbstractStream, AbstractStreamMuxer } from '@libp2p/utils'
import { readPiecewise } from './piecewise-frames.js'

/**
 * A stream muxer (one built on libp2p's own base classes, such as yamux) that loses nothing of what came in one piece with
 * a stream's negotiation, and keeps nothing of a frame that its stream may not be sent. libp2p reads too far and puts the rest back,
 * but cannot when the peer ended its side before anybody read (as on the first stream of a connection that is still being set up),
 * or closed the connection since: the stream is then reset with its first frame unread.
 */
export function carefully(muxer: () => StreamMuxerFactory): () => StreamMuxerFactory {
  return () => {
    const factory = muxer()
    const create = factory.createStreamMuxer.bind(factory)
    factory.createStreamMuxer = connection => {
      const made = create(connection) as AbstractStreamMuxer<AbstractStream>
      readPiecewise(made)
      const onRemoteStream = made.onRemoteStream.bind(made)
      made.onRemoteStream = stream => {
        putBackAlways(stream)
        onRemoteStream(stream)
      }
      return made
    }
    return factory
  }
}

function putBackAlways(stream: AbstractStream): void {
  const unshift = stream.unshift.bind(stream)
  stream.unshift = bytes => {
    const ended = stream.status === 'open' || stream.status === 'closed'
    // nothing more will come but this; after a reset or an abort not even this
    if (ended && stream.readStatus === 'closed') stream.readStatus = 'readable'
    unshift(bytes)
  }
}
