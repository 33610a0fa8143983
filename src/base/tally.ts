import type { CounterGroup, Metrics } from '@libp2p/interface'

/**
 * Counts of one service by names of a closed set: no peer, topic or text ever becomes a label. Also kept in libp2p's
 * metrics when the application has them.
 */
export class Tally<Name extends string> {
  readonly #values: Record<Name, number>
  readonly #group: CounterGroup | undefined

  constructor(names: readonly Name[], metric: { name: string; help: string }, metrics?: Metrics | undefined) {
    this.#values = Object.fromEntries(names.map(name => [name, 0])) as Record<Name, number>
    this.#group = metrics?.registerCounterGroup(metric.name, { label: 'event', help: metric.help })
  }

  add(name: Name, count = 1): void {
    if (count === 0) return
    this.#values[name] += count
    this.#group?.increment({ [name]: count })
  }

  get(name: Name): number {
    return this.#values[name]
  }

  /** All of them at this moment. */
  snapshot(): Record<Name, number> {
    return { ...this.#values }
  }
}
