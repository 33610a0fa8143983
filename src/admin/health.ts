import { raceSignal } from 'race-signal'
import { CHECKS, type Check, type CheckName, type CheckStatus, failed, type NamedCheck } from './check.js'

/** Each has so long, ms. */
const DEADLINE = 10_000
/** A result is good for so long, ms; dialling others is not done more often. */
const FRESH = 5_000
const FRESH_UPSTREAMS = 300_000

interface Kept {
  at: number
  result: Promise<NamedCheck>
}

/** Looks whether the node does its job, and says why not. */
export class Health {
  readonly #checks: Readonly<Record<CheckName, Check>>
  /** What each check found last. */
  readonly known: Partial<Record<CheckName, CheckStatus>> = {}
  readonly #kept = new Map<CheckName, Kept>()

  constructor(checks: Readonly<Record<CheckName, Check>>) {
    this.#checks = checks
  }

  /** All checks; what was found moments ago is not looked at again, unless `fresh`. */
  async report(options: { fresh?: boolean } = {}): Promise<NamedCheck[]> {
    return await Promise.all(CHECKS.map(name => this.#one(name, options.fresh === true)))
  }

  /** Names of those that fail. */
  async failing(): Promise<CheckName[]> {
    return (await this.report()).filter(({ status }) => status === 'failed').map(({ name }) => name)
  }

  #one(name: CheckName, fresh: boolean): Promise<NamedCheck> {
    const kept = this.#kept.get(name)
    const good = name === 'upstreams' ? FRESH_UPSTREAMS : FRESH
    if (!fresh && kept !== undefined && performance.now() - kept.at < good) return kept.result
    const result = this.#look(name).then(check => {
      this.known[name] = check.status
      return check
    })
    this.#kept.set(name, { at: performance.now(), result })
    return result
  }

  async #look(name: CheckName): Promise<NamedCheck> {
    const signal = AbortSignal.timeout(DEADLINE)
    try {
      return { name, ...(await raceSignal(this.#checks[name](signal), signal)) }
    } catch (err) {
      const reason = signal.aborted ? `no answer in ${DEADLINE / 1000} s` : (err as Error).message
      return { name, ...failed(reason) }
    }
  }
}
