import type { CounterGroup, Metrics } from '@libp2p/interface'

/** What libp2p's metrics know already: a service that starts again counts on where it was. */
const registered = new WeakMap<Metrics, Map<string, CounterGroup>>()

function counterGroup(metrics: Metrics, { name, help }: { name: string; help: string }): CounterGroup {
  const groups = registered.get(metrics) ?? new Map<string, CounterGroup>()
  registered.set(metrics, groups)
  const group = groups.get(name) ?? metrics.registerCounterGroup(name, { label: 'event', help })
  groups.set(name, group)
  return group
}

/**
 * Counts of one service by names of a closed set: no peer, topic or text ever becomes a label. Also kept in libp2p's
 * metrics when the application has them.
 */
export class Tally<Name extends string> {
  readonly #values: Record<Name, number>
  readonly #group: CounterGroup | undefined

  constructor(names: readonly Name[], metric: { name: string; help: string }, metrics?: Metrics | undefined) {
    this.#values = Object.fromEntries(names.map(name => [name, 0])) as Record<Name, number>
    this.#group = metrics && counterGroup(metrics, metric)
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
