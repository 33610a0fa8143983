/** Between attempts, ms. */
export interface Pauses {
  first: number
  longest: number
}

/** The pause after `failures` attempts failed, of which the first is 0: doubled each time. */
export function doubled(failures: number, { first, longest }: Pauses): number {
  return Math.min(first * 2 ** failures, longest)
}

/** A quarter less or more: those who failed at the same moment, or who refuse each other's connection for their own, do not stay in step. */
export function spread(ms: number): number {
  return ms * (0.75 + Math.random() / 2)
}

/** The same pause for everybody, spread. */
export function backOff(failures: number, pauses: Pauses): number {
  return spread(doubled(failures, pauses))
}
