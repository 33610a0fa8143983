import type { Fault } from '../fault.js'
import { clocks } from './clock.js'
import { diskErrors } from './disk-errors.js'
import { flips } from './flips.js'
import { kills } from './kills.js'
import { stalls } from './stall.js'

/** Every fault during every activity, in the order of the table. */
export const faults: readonly Fault[] = [...kills, ...flips, ...diskErrors, ...stalls, ...clocks]
