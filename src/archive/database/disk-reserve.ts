import { randomFillSync } from 'node:crypto'
import { type FileHandle, open, rm, stat, statfs, truncate } from 'node:fs/promises'
import { dirname } from 'node:path'
import { rootMessage } from '../errors.js'

/** Written at once; random, since some file systems give no room to what can be packed. */
const PIECE = 1 << 20
/** Left to who writes small files beside it. */
const OTHERS = 1 << 20

/** Room on the disk that is taken while there is enough, to be given back when there is none. */
export class DiskReserve {
  readonly #path: string
  #size = 0
  #trouble: string | undefined

  /** @param path - of the file */
  constructor(path: string) {
    this.#path = path
  }

  /** Bytes that are taken. */
  get size(): number {
    return this.#size
  }

  /** Why nothing can be kept back, though there is room, in words. */
  get trouble(): string | undefined {
    return this.#trouble
  }

  /** Learns what an earlier process took. */
  async load(): Promise<void> {
    const found = await stat(this.#path).catch(() => undefined)
    this.#size = found?.isFile() ? found.size : 0
  }

  /**
   * Takes room until it is so many bytes; nothing where there is not enough: the last of it is not for keeping. Whether it is enough; where
   * something else is in its place, whether it would be.
   */
  async grow(bytes: number): Promise<boolean> {
    const before = this.#size
    const missing = bytes - before
    if (missing <= 0) return true
    let file: FileHandle | undefined
    try {
      if ((await this.lacks(bytes)) > 0) return false
      file = await open(this.#path, 'a', 0o600).catch(error => this.#unusable(error))
      if (file === undefined) return true
      const piece = randomFillSync(new Uint8Array(Math.min(PIECE, missing)))
      for (let at = before; at < bytes; )
        at += (await file.write(piece, 0, Math.min(piece.length, bytes - at))).bytesWritten
      this.#size = bytes
      return true
    } catch {
      // a quota, a limit on files, or others that were faster
      await truncate(this.#path, before).catch(() => {})
      return false
    } finally {
      await file?.close().catch(() => {})
    }
  }

  /** Bytes that have to be freed before so many can be taken; none or less when they can. */
  async lacks(bytes: number): Promise<number> {
    const { bavail, bsize } = await statfs(dirname(this.#path))
    return bytes - this.#size + OTHERS - bavail * bsize
  }

  #unusable(error: NodeJS.ErrnoException): undefined {
    if (error.code !== 'EISDIR') throw error
    this.#trouble = `${this.#path} is a folder`
  }

  /** Does something that takes room, on a full disk with all that was taken. Rejects with what it failed by. */
  async lend<T>(work: () => Promise<T>, onFull: (error: Error) => void = () => {}): Promise<T> {
    try {
      return await work()
    } catch (error) {
      if (!isFull(error) || this.#size === 0) throw error
      onFull(error as Error)
      await this.release()
      return work()
    }
  }

  /** Gives all of it back. */
  async release(): Promise<void> {
    if (this.#size > 0) await rm(this.#path, { force: true })
    this.#size = 0
  }
}

/** Whether a disk that takes no more is why. */
export function isFull(error: unknown): boolean {
  return error instanceof Error && /no space|file too large|quota/i.test(rootMessage(error))
}
