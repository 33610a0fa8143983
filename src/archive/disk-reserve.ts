import { randomFillSync } from 'node:crypto'
import { type FileHandle, open, rm, stat } from 'node:fs/promises'

/** Written at once; random, since some file systems give no room to what can be packed. */
const PIECE = 1 << 20

/** Room on the disk that is taken while there is enough, to be given back when there is none. */
export class DiskReserve {
  readonly #path: string
  #size = 0

  /** @param path - of the file */
  constructor(path: string) {
    this.#path = path
  }

  /** Bytes that are taken. */
  get size(): number {
    return this.#size
  }

  /** Learns what an earlier process took. */
  async load(): Promise<void> {
    this.#size = await stat(this.#path).then(
      ({ size }) => size,
      () => 0
    )
  }

  /** Takes room until it is so many bytes, or there is no more. What was taken stays. Whether it is enough. */
  async grow(bytes: number): Promise<boolean> {
    if (this.#size >= bytes) return true
    let file: FileHandle | undefined
    try {
      file = await open(this.#path, 'a', 0o600)
      const piece = randomFillSync(new Uint8Array(Math.min(PIECE, bytes - this.#size)))
      while (this.#size < bytes) {
        const { bytesWritten } = await file.write(piece, 0, Math.min(piece.length, bytes - this.#size))
        if (bytesWritten === 0) return false
        this.#size += bytesWritten
      }
      return true
    } catch {
      return false
    } finally {
      await file?.close().catch(() => {})
    }
  }

  /** Gives all of it back. */
  async release(): Promise<void> {
    await rm(this.#path, { force: true })
    this.#size = 0
  }
}
