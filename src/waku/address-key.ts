/**
 * What counts as one address where nobody may take everything: an IPv4 address, also when mapped, or the /64 that one
 * IPv6 host is usually given; anything else as it is.
 */
export function addressKey(address: string): string {
  const mapped = /^::ffff:(\d+\.\d+\.\d+\.\d+)$/i.exec(address)
  if (mapped !== null) return mapped[1] as string
  if (!address.includes(':')) return address
  const [head = '', tail] = (address.split('%')[0] as string).split('::')
  const groups = head === '' ? [] : head.split(':')
  if (tail !== undefined) {
    const rest = tail === '' ? [] : tail.split(':')
    while (groups.length + rest.length < 8) groups.push('0')
    groups.push(...rest)
  }
  const [high, low] = groups.slice(6).map(group => Number.parseInt(group, 16))
  const mappedAs = groups
    .slice(0, 6)
    .map(group => Number.parseInt(group, 16))
    .join(':')
  if (mappedAs === '0:0:0:0:0:65535' && high !== undefined && low !== undefined) {
    return [high >>> 8, high & 0xff, low >>> 8, low & 0xff].join('.')
  }
  return groups
    .slice(0, 4)
    .map(group => Number.parseInt(group, 16).toString(16))
    .join(':')
}
