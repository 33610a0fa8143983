import type { ConnectionGater } from '@libp2p/interface'
import { addressOf } from '../../libp2p/stream-budget.js'
import type { Entrance } from '../../limits/entrance.js'

/**
 * Has newcomers wait for their turn before anything is agreed with them, without a byte of them read.
 *
 * @param gater asked before
 * @param options.entrance looked up for each, since the node that it belongs to is made later
 * @param options.onRefused told of each that waited too long
 */
export function oneByOne(
  gater: ConnectionGater,
  { entrance, onRefused }: { entrance: () => Entrance | undefined; onRefused: () => void }
): ConnectionGater {
  return {
    ...gater,
    denyInboundConnection: async connection => {
      if ((await gater.denyInboundConnection?.(connection)) === true) return true
      connection.pause()
      const entered = (await entrance()?.enter(addressOf(connection as never))) ?? true
      if (!entered) onRefused()
      if (!entered || connection.status !== 'open') return true
      connection.resume()
      return false
    }
  }
}
