import type { ConnectionGater, MultiaddrConnection } from '@libp2p/interface'
import * as FIGURES from '../limits/figures.js'
import { addressOf } from './stream-budget.js'

/**
 * Refuses connections of an address that has too many that are not agreed yet, so that others find a place.
 *
 * @param max of one address at a time
 * @param onRefused told of each
 */
export function upgradePlaces(
  max: number = FIGURES.connections.pendingPerAddress,
  onRefused: () => void = () => {}
): ConnectionGater {
  const pending = new Map<MultiaddrConnection, string>()
  return {
    denyInboundConnection: connection => {
      const address = addressOf(connection)
      let mine = 0
      for (const other of pending.values()) if (other === address) mine++
      if (mine >= max) {
        onRefused()
        return true
      }
      pending.set(connection, address)
      connection.addEventListener('close', () => void pending.delete(connection), { once: true })
      return false
    },
    denyInboundUpgradedConnection: (_peer, connection) => {
      pending.delete(connection)
      return false
    }
  }
}
