import cassandra from 'cassandra-driver'

const { DefaultLoadBalancingPolicy } = cassandra.policies.loadBalancing

/** A node that was silent is asked last for so long, ms. */
const AVOIDED = 30_000

/**
 * Asks nodes that did not answer lately after all others. A node that is silent keeps its connections, so the driver goes on
 * sending it every third statement; of one with a condition no other node is asked meanwhile.
 */
export class NodesThatAnswer extends DefaultLoadBalancingPolicy {
  readonly #silent = new Map<string, number>()

  /** To be told of every statement that failed. */
  learn(error: unknown): void {
    const { OperationTimedOutError, NoHostAvailableError } = cassandra.errors
    if (error instanceof OperationTimedOutError && error.host !== undefined)
      this.#silent.set(error.host, performance.now() + AVOIDED)
    else if (error instanceof NoHostAvailableError)
      for (const inner of Object.values(error.innerErrors)) this.learn(inner)
  }

  override newQueryPlan(...[keyspace, options, callback]: PlanParameters): void {
    super.newQueryPlan(keyspace, options, (error, plan) => callback(error, error ? plan : this.#silentLast(plan)))
  }

  *#silentLast(plan: Iterator<cassandra.Host>): Generator<cassandra.Host> {
    const later: cassandra.Host[] = []
    for (let next = plan.next(); next.done !== true; next = plan.next()) {
      const host = next.value
      if ((this.#silent.get(host.address) ?? 0) > performance.now()) later.push(host)
      else {
        this.#silent.delete(host.address)
        yield host
      }
    }
    yield* later
  }
}

type PlanParameters = Parameters<cassandra.policies.loadBalancing.LoadBalancingPolicy['newQueryPlan']>
