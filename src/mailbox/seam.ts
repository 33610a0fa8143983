import type { Behind, CaughtUp, Missing } from './items.js'
import type { Lane } from './lane.js'
import type { LaneEnd } from './wave.js'

/** Where several lanes ended, as one. */
export type Seam =
  | Pick<CaughtUp, 'type' | 'completeness' | 'missing' | 'servers' | 'leftOut'>
  | Pick<Behind, 'type' | 'completeness' | 'missing' | 'servers'>

/**
 * @param carried - what earlier attempts of the same wave found missing; what this one finds is added, since servers are told once of each
 * @param namesOf - what the topics of a lane are called
 */
export function seamOf(
  ends: ReadonlyArray<readonly [Lane, LaneEnd]>,
  carried: Missing[],
  namesOf: (lane: Lane) => string[]
): Seam {
  const topics = (lane: Lane): { topics?: string[] } => (lane.id === '' ? {} : { topics: namesOf(lane) })
  const missingOf = (caughtUp: boolean): Missing[] =>
    ends
      .filter(([, end]) => end.caughtUp === caughtUp)
      .flatMap(([lane, { missing }]) => missing.map(one => ({ ...one, ...topics(lane) })))
  carried.push(...missingOf(true))
  const servers = ends.flatMap(([lane, end]) => end.servers.map(told => ({ ...told, ...topics(lane) })))
  const behind = ends.map(([, end]) => end).filter(({ caughtUp }) => !caughtUp)
  if (behind.length > 0) {
    return {
      type: 'behind',
      completeness: behind.every(({ completeness }) => completeness === 'irretrievable') ? 'irretrievable' : 'fetching',
      missing: [...missingOf(false), ...carried],
      // those that failed first: they are why
      servers: servers.sort((a, b) => Number(b.how === 'failed') - Number(a.how === 'failed'))
    }
  }
  const unknown = ends.some(([, { completeness }]) => completeness === 'unknown')
  return {
    type: 'caughtUp',
    completeness: carried.length > 0 ? 'irretrievable' : unknown ? 'unknown' : 'complete',
    missing: [...carried],
    servers,
    leftOut: ends.flatMap(([, { leftOut }]) => leftOut)
  }
}
