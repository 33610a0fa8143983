import type { LevelStore } from '../database/level-store.js'
import { BlockContents } from './level-contents.js'
import * as layout from './level-layout.js'
import { getCertain } from './level-reader.js'

/** So much is kept in memory: a block of five thousand topics takes 60 KB. */
const MAX_BYTES = 8 * 1024 * 1024

/** The contents of finished blocks: in memory, those that were asked for last; all on disk. */
export class KnownContents {
  readonly #store: LevelStore
  readonly #known = new Map<number, BlockContents>()
  #bytes = 0
  /** Raised by everything that makes what is being read wrong. */
  #version = 0

  constructor(store: LevelStore) {
    this.#store = store
  }

  /** Of a block, as far as it is in memory. */
  known(block: number): BlockContents | undefined {
    return this.#known.get(block)
  }

  /** Of some blocks: undefined where there are none, null where they cannot be read. */
  async of(blocks: readonly number[]): Promise<(BlockContents | undefined | null)[]> {
    const version = this.#version
    const known = blocks.map(block => this.#known.get(block))
    const unknown = blocks.filter((_, i) => known[i] === undefined)
    const keys = unknown.map(layout.contentsKey)
    const values = keys.length === 0 ? [] : await getCertain(this.#store, keys)
    const read = new Map(
      unknown.map((block, i) => {
        const value = values[i]
        return [block, value && (BlockContents.decode(block, value) ?? null)]
      })
    )
    if (version === this.#version) for (const [block, contents] of read) if (contents) this.#keep(block, contents)
    return blocks.map((block, i) => known[i] ?? read.get(block))
  }

  /** To be told of what was written. */
  set(block: number, bytes: Uint8Array): void {
    this.forget(block)
    const contents = BlockContents.decode(block, bytes)
    if (contents !== undefined) this.#keep(block, contents)
  }

  forget(block: number): void {
    this.#version++
    this.#bytes -= this.#known.get(block)?.bytes.length ?? 0
    this.#known.delete(block)
  }

  clear(): void {
    this.#version++
    this.#known.clear()
    this.#bytes = 0
  }

  #keep(block: number, contents: BlockContents): void {
    if (this.#known.has(block)) return
    this.#known.set(block, contents)
    this.#bytes += contents.bytes.length
    for (const [oldest, { bytes }] of this.#known) {
      if (this.#bytes <= MAX_BYTES || oldest === block) break
      this.#known.delete(oldest)
      this.#bytes -= bytes.length
    }
  }
}
