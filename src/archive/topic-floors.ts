import { MAX_UINT32, readUint32, writeUint32 } from '../wire/bytes.js'

/** Which topics are meant, as integers of 32 bits: these, or all but those; all when neither is given. */
export interface TopicChoice {
  topics?: readonly number[] | undefined
  except?: readonly number[] | undefined
}

/**
 * Before which time what was sent may have been pruned: a general floor, and those of topics that differ from it.
 * Unix seconds, 0..2^32-1. Never changes: raising makes another one.
 */
export class TopicFloors {
  readonly general: number
  readonly own: ReadonlyMap<number, number>

  constructor(general: number, own: ReadonlyMap<number, number> = new Map()) {
    this.general = general
    this.own = own
  }

  of(topic: number): number {
    return this.own.get(topic) ?? this.general
  }

  /** Whether something may have been pruned. The last second there is may be, where everything was. */
  include(sent: number, topic: number): boolean {
    const floor = this.of(topic)
    return sent < floor || floor === MAX_UINT32
  }

  /** What lies before it is pruned whatever its topic. */
  get lowest(): number {
    return [...this.own.values()].reduce((low, floor) => Math.min(low, floor), this.general)
  }

  /** What lies behind it is kept whatever its topic, of those that are meant; all topics when absent. */
  highest(meant?: readonly number[] | ((topic: number) => boolean)): number {
    if (meant !== undefined && typeof meant !== 'function')
      return meant.reduce((high, topic) => Math.max(high, this.of(topic)), 0)
    let high = this.general
    for (const [topic, floor] of this.own) if (floor > high && meant?.(topic) !== false) high = floor
    return high
  }

  /** Itself when nothing rises. */
  raised(before: number, { topics, except = [] }: TopicChoice = {}): TopicFloors {
    const time = Math.min(before, MAX_UINT32)
    if (topics !== undefined) {
      const risen = topics.filter(topic => this.of(topic) < time)
      if (risen.length === 0) return this
      return new TopicFloors(this.general, new Map([...this.own, ...risen.map(topic => [topic, time] as const)]))
    }
    const spared = new Set(except)
    const risen = [...this.own].some(([topic, floor]) => floor < time && !spared.has(topic))
    if (time <= this.general && !risen) return this
    const general = Math.max(time, this.general)
    const own = [...this.own, ...except.map(topic => [topic, this.of(topic)] as const)]
    return new TopicFloors(
      general,
      new Map(own.filter(([topic, floor]) => floor > general || (spared.has(topic) && floor < general)))
    )
  }
}

/** Of an own floor: topic(4) floor(4), big-endian. */
const OWN = 8

export function encodeOwnFloors(own: ReadonlyMap<number, number>): Uint8Array[] {
  return [...own].flatMap(([topic, floor]) => [writeUint32(topic), writeUint32(floor)])
}

/** @param bytes - so many of them */
export function decodeOwnFloors(bytes: Uint8Array, count: number): Map<number, number> {
  const own = new Map<number, number>()
  for (let at = 0; at < count * OWN; at += OWN) own.set(readUint32(bytes, at), readUint32(bytes, at + 4))
  return own
}
