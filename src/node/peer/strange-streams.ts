import type { Connection, Libp2p, Stream } from '@libp2p/interface'
import { rest } from '../../libp2p/rest.js'
import { originOf } from '../../libp2p/stream-budget.js'
import * as FIGURES from '../../limits/figures.js'
import type { Limits } from '../../limits/limits.js'

/**
 * A stream that came to no protocol of this node was opened in vain: libp2p keeps something of each for seconds. Whoever opens many
 * is read as slowly as one that sends garbage.
 *
 * @param limits looked up for each, since the node that they belong to is made later
 */
export function chargeStrange(node: Pick<Libp2p, 'addEventListener'>, limits: () => Limits | undefined): void {
  node.addEventListener('connection:open', ({ detail: connection }) => {
    if (connection.direction === 'outbound') return
    const onStream = ({ detail: stream }: { detail: Stream }): void => {
      stream.addEventListener('close', () => {
        if (stream.protocol === '') charge(connection, limits())
      })
    }
    const { muxer } = connection as unknown as { muxer?: EventTarget }
    muxer?.addEventListener('stream', onStream as never)
  })
}

function charge(connection: Connection, limits: Limits | undefined): void {
  if (limits === undefined) return
  const origin = originOf(connection)
  limits.throttle.charge(origin, FIGURES.libp2p.strange)
  const wait = limits.throttle.ofPeer(origin.peer)
  if (wait === 0 || connection.status !== 'open') return
  limits.counts.add('slowed_stream')
  rest(connection, wait)
}
