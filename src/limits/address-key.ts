/**
 * What counts as one address where nobody may take everything: an IPv4 address, also when mapped, or the /64 that one
 * IPv6 host is usually given; anything else as it is.
 */
export function addressKey(address: string): string {
  if (!address.includes(':')) return address
  const groups = groupsOf(address)
  const [high = 0, low = 0] = groups.slice(6)
  if (groups.slice(0, 6).join() === '0,0,0,0,0,65535') return [high >>> 8, high & 0xff, low >>> 8, low & 0xff].join('.')
  return groups
    .slice(0, 4)
    .map(group => group.toString(16))
    .join(':')
}

/** The eight groups of an IPv6 address. */
function groupsOf(address: string): number[] {
  const [front = [], back] = (address.split('%')[0] as string).split('::').map(readGroups)
  if (back === undefined) return front
  return [...front, ...new Array<number>(Math.max(0, 8 - front.length - back.length)).fill(0), ...back]
}

/** What stands on one side of `::`; the last two may be written as an IPv4 address. */
function readGroups(part: string): number[] {
  if (part === '') return []
  return part.split(':').flatMap(group => {
    if (!group.includes('.')) return [Number.parseInt(group, 16)]
    const [a = 0, b = 0, c = 0, d = 0] = group.split('.').map(Number)
    return [(a << 8) | b, (c << 8) | d]
  })
}
