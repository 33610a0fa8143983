import type { Fault } from '../fault.js'
import { kills } from './kills.js'

/** Every fault, in the order of the table. */
export const faults: readonly Fault[] = [...kills]
