import { open } from 'node:fs/promises'

/** Bytes read at once. */
const READ = 4 * 1024 * 1024

/** Room for one file after another: a new one for each of thousands would keep the collector of garbage busy. */
export class FileRoom {
  #bytes = new Uint8Array(0)

  /** What a file holds, until the next is read. @param length - with zeros where it is shorter than that; its own when absent */
  async read(path: string, length?: number | undefined): Promise<Uint8Array> {
    const handle = await open(path, 'r')
    try {
      const size = length ?? (await handle.stat()).size
      if (this.#bytes.length < size) this.#bytes = new Uint8Array(size)
      for (let at = 0; at < size; ) {
        const { bytesRead } = await handle.read(this.#bytes, at, Math.min(READ, size - at), at)
        if (bytesRead === 0) {
          this.#bytes.fill(0, at, size)
          break
        }
        at += bytesRead
      }
      return this.#bytes.subarray(0, size)
    } finally {
      await handle.close()
    }
  }
}
