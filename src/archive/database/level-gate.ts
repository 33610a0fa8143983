import type { LevelEntry, LevelIterator } from './level-store.js'

/** A read that lasts longer is broken off rather than waited for, ms. */
const PATIENCE = 5000

/** Lets through whoever uses a database, and shuts while it is closed and opened again. */
export class LevelGate {
  #inside = 0
  #emptied: (() => void) | undefined
  #shut: Promise<void> | undefined

  /** Does something inside, as soon as it is open. */
  async pass<T>(work: () => Promise<T>): Promise<T> {
    while (this.#shut !== undefined) await this.#shut
    this.#inside++
    try {
      return await work()
    } finally {
      this.#leave()
    }
  }

  /**
   * An iterator that is inside from its first read until it is closed.
   * @param before - each read, behind a key or none
   * @param isBound - whether nothing may be read but what was asked for before
   */
  iterator(make: () => LevelIterator, before: BeforeRead = async () => {}, isBound = () => false): LevelIterator {
    return new GatedIterator(make, {
      before,
      isBound,
      enter: async () => {
        while (this.#shut !== undefined) await this.#shut
        this.#inside++
      },
      leave: () => this.#leave()
    })
  }

  /** Does something while nobody else is inside, or nobody who comes to an end. */
  async shut(work: () => Promise<void>): Promise<void> {
    let open = (): void => {}
    this.#shut = new Promise(resolve => {
      open = resolve
    })
    try {
      await this.#empty()
      await work()
    } finally {
      this.#shut = undefined
      open()
    }
  }

  async #empty(): Promise<void> {
    if (this.#inside === 0) return
    let timer: ReturnType<typeof setTimeout> | undefined
    await new Promise<void>(resolve => {
      this.#emptied = resolve
      timer = setTimeout(resolve, PATIENCE)
    })
    this.#emptied = undefined
    clearTimeout(timer)
  }

  #leave(): void {
    this.#inside--
    if (this.#inside === 0) this.#emptied?.()
  }
}

type BeforeRead = (size: number, last: Uint8Array | undefined) => Promise<void>

interface Entrance {
  before: BeforeRead
  isBound(): boolean
  enter(): Promise<void>
  leave(): void
}

class GatedIterator implements LevelIterator {
  readonly #make: () => LevelIterator
  readonly #gate: Entrance
  #inner: LevelIterator | undefined
  /** The key that was read last. */
  #last: Uint8Array | undefined
  /** It was moved to where it may not go. */
  #isOver = false

  constructor(make: () => LevelIterator, gate: Entrance) {
    this.#make = make
    this.#gate = gate
  }

  async nextv(size: number): Promise<LevelEntry[]> {
    if (this.#isOver) {
      if (this.#last !== undefined) await this.#inner?.nextv(1)
      return []
    }
    await this.#gate.before(size, this.#last)
    const entries = await (this.#inner ?? (await this.#open())).nextv(size)
    this.#last = entries.at(-1)?.[0] ?? this.#last
    return entries
  }

  seek(target: Uint8Array): void {
    this.#isOver = this.#gate.isBound()
    // LevelDB goes to the first or the last of all keys for what is out of the range; what was read last is there
    const place = this.#isOver ? this.#last : target
    if (place !== undefined) this.#inner?.seek(place)
  }

  async close(): Promise<void> {
    if (this.#inner === undefined) return
    const inner = this.#inner
    this.#inner = undefined
    try {
      await inner.close()
    } finally {
      this.#gate.leave()
    }
  }

  async #open(): Promise<LevelIterator> {
    await this.#gate.enter()
    try {
      this.#inner = this.#make()
      return this.#inner
    } catch (error) {
      this.#gate.leave()
      throw error
    }
  }
}
