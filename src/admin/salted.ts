import { createHmac, randomBytes } from 'node:crypto'

/** Names for what may not be shown: the same for the same as long as the process runs, and of no use to anybody else. */
export class Salted {
  readonly #salt = randomBytes(32)

  /** Ten hex digits. */
  name(secret: string | Uint8Array): string {
    return createHmac('sha256', this.#salt).update(secret).digest('hex').slice(0, 10)
  }
}
