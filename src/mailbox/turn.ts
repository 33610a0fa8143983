import { type Datastore, Key } from 'interface-datastore'
import { raceSignal } from 'race-signal'
import { anySignal } from '../base/any-signal.js'
import { delay } from '../base/delay.js'
import { toHex } from '../wire/bytes.js'
import { randomBytes } from '../wire/random.js'

const LEASE = new Key('/mailbox/lease')
const NAME = new Key('/mailbox/name')
/** How long a lease holds that is not renewed, ms. */
const HELD = 15_000
const RENEW = 5_000
/** How long to look whether somebody else took a lease at the same time, ms. */
const SETTLE = 30
const LOOK = 1_000

interface Lease {
  owner: string
  /** Unix time, ms. */
  until: number
}

/**
 * Whose turn it is to send from an outbox that several tabs, or processes, share: one at a time. Browsers have locks for that, which
 * end with their tab; elsewhere it is a lease in the datastore, which whoever crashed holds for a while.
 */
export class Turn {
  readonly #datastore: Datastore
  readonly #owner = toHex(randomBytes(8))

  constructor(datastore: Datastore) {
    this.#datastore = datastore
  }

  /**
   * Waits for the turn and does `work` in it; its signal aborts when the turn is lost.
   *
   * @throws what `work` throws; the reason of `signal`
   */
  async take(work: (held: AbortSignal) => Promise<void>, signal: AbortSignal): Promise<void> {
    const { navigator, isSecureContext } = globalThis as { navigator?: Partial<Navigator>; isSecureContext?: boolean }
    const locks = navigator?.locks
    if (locks === undefined || isSecureContext === undefined) return await this.#lease(work, signal)
    const name = `waku-mailserver:outbox:${await this.name()}`
    await locks.request(name, { signal }, () => work(signal))
  }

  /** What tells this outbox from another one of the same origin. */
  async name(): Promise<string> {
    try {
      return new TextDecoder().decode(await this.#datastore.get(NAME))
    } catch {
      await this.#datastore.put(NAME, new TextEncoder().encode(this.#owner))
      // another tab may have done so at the same moment: the last one counts
      await delay(SETTLE, { signal: AbortSignal.timeout(LOOK) })
      return new TextDecoder().decode(await this.#datastore.get(NAME))
    }
  }

  async #lease(work: (held: AbortSignal) => Promise<void>, signal: AbortSignal): Promise<void> {
    try {
      while (!(await this.#acquire(signal))) await delay(LOOK, { signal })
    } catch (error) {
      await this.#giveBack()
      throw error
    }
    const lost = new AbortController()
    const held = anySignal([signal, lost.signal])
    const renewing = this.#renew(held).catch(error => lost.abort(error))
    try {
      await work(held)
    } finally {
      lost.abort(new Error('the turn is over'))
      await renewing
      await this.#giveBack()
    }
  }

  async #giveBack(): Promise<void> {
    try {
      if ((await this.#read())?.owner === this.#owner) await this.#datastore.delete(LEASE)
    } catch {
      // it ends by itself
    }
  }

  async #acquire(signal: AbortSignal): Promise<boolean> {
    const lease = await this.#read()
    const now = Date.now()
    // a clock that was set back does not make a lease eternal
    const held = lease !== undefined && lease.until > now && lease.until <= now + 2 * HELD
    if (held && lease.owner !== this.#owner) return false
    await this.#write()
    await delay(SETTLE, { signal })
    return (await this.#read())?.owner === this.#owner
  }

  async #renew(held: AbortSignal): Promise<void> {
    for (;;) {
      await delay(RENEW, { signal: held })
      if ((await raceSignal(this.#read(), held))?.owner !== this.#owner) throw new Error('another one has the turn')
      await this.#write()
    }
  }

  async #write(): Promise<void> {
    const lease: Lease = { owner: this.#owner, until: Date.now() + HELD }
    await this.#datastore.put(LEASE, new TextEncoder().encode(JSON.stringify(lease)))
  }

  async #read(): Promise<Lease | undefined> {
    try {
      const { owner, until } = JSON.parse(new TextDecoder().decode(await this.#datastore.get(LEASE))) as Partial<Lease>
      return typeof owner === 'string' && typeof until === 'number' ? { owner, until } : undefined
    } catch {
      return undefined
    }
  }
}
