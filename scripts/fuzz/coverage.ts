/** What code that `istanbul-lib-instrument` instrumented counts in: each statement, function and side of a branch. */
export interface FileCounters {
  s: Record<string, number>
  f: Record<string, number>
  b: Record<string, number[]>
}

/** How often counts: once, twice, three times, then by powers of two. One bit each. */
const BUCKETS = Uint8Array.from({ length: 256 }, (_, count) => (count < 4 ? (1 << count) >> 1 : bucket(count)))

function bucket(count: number): number {
  return count < 8 ? 8 : count < 16 ? 16 : count < 32 ? 32 : count < 128 ? 64 : 128
}

/** The counters of instrumented code in one array, so that one pass tells whether an input did what none did before. */
export class Coverage {
  readonly #counters: Uint32Array
  readonly #seen: Uint8Array
  #reached = 0

  /** Puts its own counters in the place of those of code that was loaded. */
  constructor(code: FileCounters) {
    const statements = Object.keys(code.s).length
    const functions = Object.keys(code.f).length
    const branches = Object.values(code.b).reduce((sum, sides) => sum + sides.length, 0)
    this.#counters = new Uint32Array(statements + functions + branches)
    this.#seen = new Uint8Array(this.#counters.length)
    let at = 0
    const lend = (length: number): Uint32Array => {
      at += length
      return this.#counters.subarray(at - length, at)
    }
    Object.assign(code, {
      s: lend(statements),
      f: lend(functions),
      b: Object.fromEntries(Object.entries(code.b).map(([branch, sides]) => [branch, lend(sides.length)]))
    })
  }

  get size(): number {
    return this.#counters.length
  }

  /** Counters that any input reached. */
  get reached(): number {
    return this.#reached
  }

  reset(): void {
    this.#counters.fill(0)
  }

  /** Whether the input since `reset` reached something, or so often, as none before. */
  isNew(): boolean {
    const counters = this.#counters
    const seen = this.#seen
    let found = false
    for (let i = 0; i < counters.length; i++) {
      const count = counters[i] as number
      if (count === 0) continue
      const before = seen[i] as number
      const bit = BUCKETS[count > 255 ? 255 : count] as number
      if ((before & bit) !== 0) continue
      if (before === 0) this.#reached++
      seen[i] = before | bit
      found = true
    }
    return found
  }
}
