import { pause } from './pause.js'

/** A turn of the event loop that has lasted so long is over as soon as it may be, ms: whoever waits passes several of them. */
const LONG = 3

let began: number | undefined

/**
 * Whether this turn of the event loop, with all the work that asked so far, has lasted long enough. To be asked between pieces
 * of work that are many: counting them does not do, since a peer chooses how much each costs.
 *
 * @param long how long is long enough, ms
 */
export function turnIsOver(long: number = LONG): boolean {
  const now = performance.now()
  if (began === undefined) {
    began = now
    void pause().then(() => {
      began = undefined
    })
  }
  return now - began > long
}
