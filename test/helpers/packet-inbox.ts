import assert from 'node:assert/strict'
import type { Packet } from '../../src/waku/packet-channel.js'

/** The packets that a test's peer receives, to be taken in order. */
export abstract class PacketInbox {
  /** Everything that came, in order. */
  readonly received: Packet[] = []
  /** How it ended, once it did. */
  ended: Error | 'end' | undefined
  readonly #deadline: number
  #taken = 0
  #stir = (): void => {}

  /** @param deadline how long a test waits for anything, in ms */
  constructor(deadline: number) {
    this.#deadline = deadline
  }

  /** Packets that came and were not taken yet. */
  get waiting(): Packet[] {
    return this.received.slice(this.#taken)
  }

  /** The next packet that was not taken yet; it has to have one of these codes. */
  async next(...codes: number[]): Promise<Packet> {
    await this.#wait(() => this.received.length > this.#taken)
    const packet = this.received[this.#taken++]
    assert.ok(packet !== undefined, `it ended (${this.ended}) where packet ${codes} was expected`)
    assert.ok(codes.includes(packet.code), `packet ${packet.code} where ${codes} was expected`)
    return packet
  }

  /** The next packet with one of these codes; others before it are passed over. */
  async find(...codes: number[]): Promise<Packet> {
    await this.#wait(() => this.waiting.some(({ code }) => codes.includes(code)))
    const at = this.received.findIndex(({ code }, i) => i >= this.#taken && codes.includes(code))
    assert.ok(at >= 0, `it ended (${this.ended}) where packet ${codes} was expected`)
    this.#taken = at + 1
    return this.received[at] as Packet
  }

  /** Waits until it is over. */
  async end(): Promise<Error | 'end'> {
    await this.#wait(() => this.ended !== undefined)
    return this.ended as Error | 'end'
  }

  /** Receives until the end. While the promise of `hold` is pending nothing more is read. */
  protected async receive(packets: AsyncIterable<Packet>, hold: () => Promise<void> | undefined): Promise<void> {
    try {
      for await (const packet of packets) {
        this.received.push(packet)
        this.#stir()
        await hold()
      }
      this.ended = 'end'
    } catch (error) {
      this.ended = error as Error
    }
    this.#stir()
  }

  async #wait(done: () => boolean): Promise<void> {
    const deadline = Date.now() + this.#deadline
    while (!done() && this.ended === undefined) {
      const left = deadline - Date.now()
      assert.ok(left > 0, `nothing came within ${this.#deadline} ms`)
      await new Promise<void>(resolve => {
        const timer = setTimeout(resolve, left)
        this.#stir = () => {
          clearTimeout(timer)
          resolve()
        }
      })
    }
  }
}
