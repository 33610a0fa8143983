import type { Archive } from '../../src/archive/archive.js'

/** An archive of which some members are others, for faults; the rest is that of the real one, private parts included. */
export function archiveWith(archive: Archive, members: PropertyDescriptorMap): Archive {
  return new Proxy(archive, {
    get(target, name) {
      const own = members[name as string]
      if (own !== undefined) return own.get === undefined ? own.value : own.get()
      const value: unknown = Reflect.get(target, name)
      return typeof value === 'function' ? value.bind(target) : value
    }
  })
}
