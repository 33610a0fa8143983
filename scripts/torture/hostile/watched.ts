import * as FIGURES from '../../../src/limits/figures.js'
import type { Limits } from '../../../src/limits/limits.js'
import type { Reservation } from '../../../src/limits/memory-budget.js'
import { Newcomers } from '../../../src/limits/newcomers.js'

/** What a node does for whoever asks, where it keeps no count of its own; in any case, whether it has bounds or not. */
export interface Watched extends Record<string, number> {
  /** Most bytes that were there at a time and not read yet, beyond what every peer has. */
  unread: number
  /** Handshakes of devp2p that were opened. */
  handshakes: number
  /** Streams that came to no protocol. */
  strange_streams: number
}

/** Counts from now on. */
export function watch(limits: Limits): Watched {
  const seen: Watched = { unread: 0, handshakes: 0, strange_streams: 0 }
  const { memory, throttle } = limits
  let unread = 0
  const counted =
    <R extends Reservation, Rest extends unknown[], T>(act: (reservation: R, ...rest: Rest) => T) =>
    (reservation: R, ...rest: Rest): T => {
      const before = reservation.bytes
      const result = act(reservation, ...rest)
      unread += reservation.bytes - before
      seen.unread = Math.max(seen.unread, unread)
      return result
    }
  memory.hold = counted(memory.hold.bind(memory))
  memory.take = counted(memory.take.bind(memory))
  memory.giveBack = counted(memory.giveBack.bind(memory))
  const { handshakes } = Newcomers.of(limits)
  const run = handshakes.run.bind(handshakes) as typeof handshakes.run
  handshakes.run = (origin, work, options) => {
    seen.handshakes++
    return run(origin, work, options)
  }
  const charge = throttle.charge.bind(throttle)
  throttle.charge = (origin, bytes) => {
    if (bytes === FIGURES.libp2p.strange) seen.strange_streams++
    return charge(origin, bytes)
  }
  return seen
}
