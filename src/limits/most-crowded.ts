/**
 * Those of the address that has most of all, in their order; undefined when the newcomer's would then have as many, or when
 * each has one: places go from the crowded to the others, never to and fro.
 *
 * @param newcomer its address, unless it is among them already
 */
export function mostCrowded<T>(
  all: Iterable<T>,
  addressOf: (one: T) => string,
  newcomer?: string
): [T, ...T[]] | undefined {
  const crowds = new Map<string, T[]>()
  for (const one of all) {
    const address = addressOf(one)
    const crowd = crowds.get(address)
    if (crowd === undefined) crowds.set(address, [one])
    else crowd.push(one)
  }
  const own = newcomer === undefined ? 0 : (crowds.get(newcomer)?.length ?? 0)
  let largest: T[] = []
  for (const crowd of crowds.values()) if (crowd.length > largest.length) largest = crowd
  return largest.length > own + 1 ? (largest as [T, ...T[]]) : undefined
}
