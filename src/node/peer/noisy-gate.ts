import type { ConnectionGater } from '@libp2p/interface'
import { addressOf } from '../../libp2p/stream-budget.js'
import * as FIGURES from '../../limits/figures.js'

const SECOND = 1000

/**
 * Lets an address in slowly while its peers send in vain: each new identity has patience of its own to waste, and agreeing on a
 * connection costs more than that.
 *
 * @param gater asked before
 * @param noisy whether peers of an address lately sent in vain
 * @param options.onSlowed told of each that has to come later
 */
export function slowForNoisy(
  gater: ConnectionGater,
  noisy: (address: string) => boolean,
  { onSlowed = () => {}, now = Date.now }: { onSlowed?: () => void; now?: () => number } = {}
): ConnectionGater {
  const recent = new Map<string, number>()
  let second = 0
  const isTooSoon = (address: string): boolean => {
    const current = Math.floor(now() / SECOND)
    if (current !== second || recent.size > FIGURES.addressesPerSecond) recent.clear()
    second = current
    const count = (recent.get(address) ?? 0) + 1
    recent.set(address, count)
    return count > FIGURES.handshakes.noisyRate
  }
  return {
    ...gater,
    denyInboundConnection: connection => {
      const address = addressOf(connection as never)
      if (noisy(address) && isTooSoon(address)) {
        onSlowed()
        return true
      }
      return gater.denyInboundConnection?.(connection) ?? false
    }
  }
}
