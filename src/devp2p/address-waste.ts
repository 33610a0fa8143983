import { Waste } from '../waku/waste.js'

/** Addresses remembered; beyond that the one that wasted something longest ago is forgotten. */
const MAX_ADDRESSES = 4096

/** What peers of each address (`addressKey`) sent in vain, so that a new identity does not make a new start. */
export class AddressWaste {
  readonly #byAddress = new Map<string, Waste>()

  add(address: string, bytes: number): void {
    const waste = this.#byAddress.get(address) ?? new Waste()
    this.#byAddress.delete(address)
    this.#byAddress.set(address, waste)
    if (this.#byAddress.size > MAX_ADDRESSES) this.#byAddress.delete(this.#byAddress.keys().next().value as string)
    waste.add(bytes)
  }

  /** Ms; see `Waste`. */
  wait(address: string): number {
    return this.#byAddress.get(address)?.wait ?? 0
  }
}
