import type { Fault } from '../fault.js'
import { clock } from './clock.js'
import { diskErrors } from './disk-errors.js'
import { flips } from './flips.js'
import { kills } from './kills.js'
import { stall } from './stall.js'

/** Every fault, in the order of the table. */
export const faults: readonly Fault[] = [...kills, ...flips, ...diskErrors, stall, clock]
