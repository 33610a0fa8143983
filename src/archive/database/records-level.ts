import type { ClassicLevel } from 'classic-level'
import type { LevelDatastore } from 'datastore-level'
import type { SteadyLevel } from './steady-level.js'

/** What the keys of a sublevel begin with, and what comes behind them. */
const RECORDS = () => [{ from: Buffer.from('!ds!'), until: Buffer.from('!ds"') }]

type Records = ReturnType<typeof recordsOf>
type Change = { type: 'put'; key: string; value: Uint8Array } | { type: 'del'; key: string }

/** Sublevel `ds` of a database that may be opened again, with as much of a Level as `LevelDatastore` uses. */
export class RecordsLevel {
  readonly #level: SteadyLevel

  constructor(level: SteadyLevel) {
    this.#level = level
  }

  /** Its types ask for a whole Level. */
  get asLevel(): LevelDatastore['db'] {
    return this as unknown as LevelDatastore['db']
  }

  /** Both are the opener's business. */
  async open(): Promise<void> {}
  async close(): Promise<void> {}

  get(key: string): Promise<Uint8Array | undefined> {
    return this.#level.read(level => recordsOf(level).get(key), RECORDS)
  }

  put(key: string, value: Uint8Array): Promise<void> {
    return this.#level.write(level => recordsOf(level).put(key, value))
  }

  del(key: string): Promise<void> {
    return this.#level.write(level => recordsOf(level).del(key))
  }

  batch(changes: Change[]): Promise<void> {
    return this.#level.write(level => recordsOf(level).batch(changes))
  }

  /** They are few: read at once, so that nothing is held open. */
  iterator(options: Parameters<Records['iterator']>[0]) {
    const level = this.#level
    return {
      async *[Symbol.asyncIterator]() {
        yield* await level.read(level => recordsOf(level).iterator(options).all(), RECORDS)
      },
      async close(): Promise<void> {}
    }
  }
}

/** Kept by the Level that it is of. */
const known = new WeakMap<ClassicLevel<Uint8Array, Uint8Array>, ReturnType<typeof make>>()

function recordsOf(level: ClassicLevel<Uint8Array, Uint8Array>) {
  let records = known.get(level)
  if (records === undefined) {
    records = make(level)
    known.set(level, records)
  }
  return records
}

const make = (level: ClassicLevel<Uint8Array, Uint8Array>) =>
  level.sublevel<string, Uint8Array>('ds', { keyEncoding: 'utf8', valueEncoding: 'view' })
