import type { Metrics, MultiaddrConnection, Stream } from '@libp2p/interface'
import { type PrometheusMetricsComponents, prometheusMetrics } from '@libp2p/prometheus-metrics'
import type { Registry } from 'prom-client'

/** What libp2p counts of itself and is shown, each with what its one label tells; all values are from closed sets. */
export const LIBP2P_METRICS: Readonly<Record<string, string>> = {
  libp2p_data_transfer_bytes_total: 'protocol, or global for all of a connection, and direction',
  libp2p_protocol_streams_total: 'direction and protocol of streams that are open',
  libp2p_connection_manager_connections: 'direction of connections that are open, and of those that are not ready',
  libp2p_dial_queue: 'size, running or queued',
  libp2p_noise_xxhandshake_successes_total: 'none',
  libp2p_noise_xxhandshake_error_total: 'none'
}

/**
 * libp2p's metrics component without what would name peers or addresses in labels, and grow with every peer: only what is
 * listed is kept, everything else is registered nowhere.
 */
export function closedMetrics(registry: Registry): (components: PrometheusMetricsComponents) => Metrics {
  const make = prometheusMetrics({ registry, collectDefaultMetrics: false })
  return components => {
    const before = namesOf(registry)
    const metrics = make(components)
    for (const name of namesOf(registry)) {
      if (!before.has(name) && !(name in LIBP2P_METRICS)) registry.removeSingleMetric(name)
    }
    return new ClosedMetrics(metrics)
  }
}

function namesOf(registry: Registry): Set<string> {
  return new Set(registry.getMetricsAsArray().map(({ name }) => name))
}

const nothing = (): void => {}
const timer = () => nothing
/** Stands for a metric of any kind that nobody looks at. */
const NOWHERE = {
  update: nothing,
  increment: nothing,
  decrement: nothing,
  reset: nothing,
  observe: nothing,
  timer
}

type Register = (name: string, options?: object) => never

class ClosedMetrics implements Metrics {
  readonly #inner: Metrics

  constructor(inner: Metrics) {
    this.#inner = inner
  }

  trackMultiaddrConnection(connection: MultiaddrConnection): void {
    this.#inner.trackMultiaddrConnection(connection)
  }

  trackProtocolStream(stream: Stream): void {
    this.#inner.trackProtocolStream(stream)
  }

  readonly registerMetric = this.#listed('registerMetric')
  readonly registerMetricGroup = this.#listed('registerMetricGroup')
  readonly registerCounter = this.#listed('registerCounter')
  readonly registerCounterGroup = this.#listed('registerCounterGroup')
  readonly registerHistogram = this.#listed('registerHistogram')
  readonly registerHistogramGroup = this.#listed('registerHistogramGroup')
  readonly registerSummary = this.#listed('registerSummary')
  readonly registerSummaryGroup = this.#listed('registerSummaryGroup')
  readonly traceFunction = <F extends (...args: never[]) => unknown>(_name: string, traced: F): F => traced
  readonly createTrace = (): undefined => undefined

  #listed(method: keyof Metrics): never {
    const register: Register = (name, options) => {
      const inner = this.#inner[method] as unknown as Register
      return name in LIBP2P_METRICS ? inner.call(this.#inner, name, options) : (NOWHERE as never)
    }
    return register as never
  }
}
