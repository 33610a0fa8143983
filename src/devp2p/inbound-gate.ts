import { addressKey } from '../limits/address-key.js'
import * as FIGURES from '../limits/figures.js'
import { mostCrowded } from '../limits/most-crowded.js'

export interface InboundLimits {
  /** Connections that wait or are agreed at the same time, from all addresses. */
  maxHandshakes: number
  /** Connections from one address, agreed or not. */
  maxPerAddress: number
  /** New connections a second from one address. */
  maxRatePerAddress: number
}

/** One socket that was let in. Each is to be called once; `closed` may come first. */
export interface Pass {
  agreed(): void
  closed(): void
}

/** Judges new sockets before they cost anything: a flood is refused without a byte read. */
export class InboundGate {
  readonly #limits: InboundLimits
  readonly #noisy: (address: string) => boolean
  readonly #now: () => number
  /** Handshakes under way, oldest first: how to cut each of them off. */
  readonly #shaking = new Map<object, { key: string; drop: () => void }>()
  readonly #open = new Map<string, number>()
  readonly #recent = new Map<string, number>()
  #second = 0

  /** @param noisy whether peers of an address (`addressKey`) lately sent garbage */
  constructor(limits: InboundLimits, noisy: (address: string) => boolean = () => false, now: () => number = Date.now) {
    this.#limits = limits
    this.#noisy = noisy
    this.#now = now
  }

  /**
   * Undefined when the socket is to be closed. When all places for handshakes are taken, the address that takes most of
   * them loses its oldest to one that takes fewer.
   *
   * @param drop cuts this socket off, should its handshake have to give way
   */
  enter(address: string, drop: () => void): Pass | undefined {
    const key = addressKey(address)
    if (!this.#mayEnter(key)) return undefined
    const place = {}
    this.#shaking.set(place, { key, drop })
    this.#open.set(key, (this.#open.get(key) ?? 0) + 1)
    const agreed = (): void => void this.#shaking.delete(place)
    return {
      agreed,
      closed: () => {
        agreed()
        const left = (this.#open.get(key) ?? 0) - 1
        if (left > 0) this.#open.set(key, left)
        else this.#open.delete(key)
      }
    }
  }

  #mayEnter(key: string): boolean {
    const second = Math.floor(this.#now() / 1000)
    if (second !== this.#second) {
      this.#second = second
      this.#recent.clear()
    }
    if ((this.#open.get(key) ?? 0) >= this.#limits.maxPerAddress) return false
    const recent = this.#recent.get(key) ?? 0
    if (recent >= (this.#noisy(key) ? FIGURES.handshakes.noisyRate : this.#limits.maxRatePerAddress)) return false
    if (recent === 0 && this.#recent.size >= FIGURES.addressesPerSecond) return false
    if (this.#shaking.size >= this.#limits.maxHandshakes && !this.#makeRoom(key)) return false
    this.#recent.set(key, recent + 1)
    return true
  }

  #makeRoom(key: string): boolean {
    const crowd = mostCrowded(this.#shaking, ([, shaking]) => shaking.key, key)
    if (crowd === undefined) return false
    const [place, { drop }] = crowd[0]
    this.#shaking.delete(place)
    drop()
    return true
  }
}
