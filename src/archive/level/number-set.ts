/** Numbers in one chunk, a bit each. */
const CHUNK = 65_536

/** A set of integers, 0..2^53-1, that lie close to each other: a bit for each. */
export class NumberSet {
  readonly #chunks = new Map<number, Uint8Array>()

  add(n: number): void {
    const chunk = Math.floor(n / CHUNK)
    let bits = this.#chunks.get(chunk)
    if (bits === undefined) {
      bits = new Uint8Array(CHUNK / 8)
      this.#chunks.set(chunk, bits)
    }
    const place = n % CHUNK
    bits[place >>> 3] = (bits[place >>> 3] as number) | (1 << (place & 7))
  }

  has(n: number): boolean {
    const place = n % CHUNK
    const byte = this.#chunks.get(Math.floor(n / CHUNK))?.[place >>> 3] ?? 0
    return (byte & (1 << (place & 7))) !== 0
  }
}
