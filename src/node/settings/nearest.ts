import { distance } from 'fastest-levenshtein'

/** The name that was probably meant; undefined when none is like it. */
export function nearest(name: string, names: readonly string[]): string | undefined {
  let best: string | undefined
  let least = Math.max(2, Math.floor(name.length / 4)) + 1
  for (const other of names) {
    const far = distance(name, other)
    if (far >= least) continue
    least = far
    best = other
  }
  return best
}
