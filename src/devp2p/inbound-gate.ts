import { isIPv6 } from 'node:net'

export interface InboundLimits {
  /** Connections that are agreed at the same time, from all addresses. */
  maxHandshakes: number
  /** Connections from one address, agreed or not. */
  maxPerAddress: number
  /** New connections a second from one address. */
  maxRatePerAddress: number
}

/** Addresses remembered within a second; beyond that, nobody new is let in until it is over. */
const MAX_ADDRESSES = 10_000

/** Judges new sockets before they cost anything: a flood is refused without a byte read. */
export class InboundGate {
  readonly #limits: InboundLimits
  readonly #now: () => number
  #handshakes = 0
  readonly #open = new Map<string, number>()
  readonly #recent = new Map<string, number>()
  #second = 0

  constructor(limits: InboundLimits, now: () => number = Date.now) {
    this.#limits = limits
    this.#now = now
  }

  /** Undefined when the socket is to be closed. `agreed` and `closed` must be called once each, `closed` may come first. */
  enter(address: string): { agreed(): void; closed(): void } | undefined {
    const key = addressKey(address)
    if (!this.#mayEnter(key)) return undefined
    this.#handshakes++
    this.#open.set(key, (this.#open.get(key) ?? 0) + 1)
    let shaking = true
    const agreed = (): void => {
      if (shaking) this.#handshakes--
      shaking = false
    }
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
    if (this.#handshakes >= this.#limits.maxHandshakes) return false
    if ((this.#open.get(key) ?? 0) >= this.#limits.maxPerAddress) return false
    const recent = this.#recent.get(key) ?? 0
    if (recent >= this.#limits.maxRatePerAddress) return false
    if (recent === 0 && this.#recent.size >= MAX_ADDRESSES) return false
    this.#recent.set(key, recent + 1)
    return true
  }
}

/** What counts as one address: an IPv4 address, also when mapped, or the /64 that one IPv6 host is usually given. */
export function addressKey(address: string): string {
  const mapped = /^::ffff:(\d+\.\d+\.\d+\.\d+)$/i.exec(address)
  if (mapped !== null) return mapped[1] as string
  if (!isIPv6(address)) return address
  const [head = '', tail] = (address.split('%')[0] as string).split('::')
  const groups = head === '' ? [] : head.split(':')
  if (tail !== undefined) {
    const rest = tail === '' ? [] : tail.split(':')
    while (groups.length + rest.length < 8) groups.push('0')
    groups.push(...rest)
  }
  return groups
    .slice(0, 4)
    .map(group => Number.parseInt(group, 16).toString(16))
    .join(':')
}
