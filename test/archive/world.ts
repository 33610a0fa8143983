import type { ArchiveQuery, ArchiveTrim } from '../../src/archive/archive.js'
import { fromHex, MAX_UINT32 } from '../../src/wire/bytes.js'
import { bloomOf, fullBloom, topicBloom } from '../../src/wire/envelope/bloom.js'
import type { Envelope } from '../../src/wire/envelope/envelope.js'
import { encodeCursor } from '../../src/wire/request/cursor.js'
import type { Prng } from './prng.js'
import { envelopeAt } from './traffic.js'

const DAY = 86400
const START = 1_600_041_600
const DAYS = 6
/** Of these, 00010200 loses bits in the deployed bloom; the last two set the same bits. */
const ODD_TOPICS = ['00010200', '00000000', 'ffffffff', '0a0b0c00', '0b0a0c00'].map(fromHex)

/** Makes envelopes and queries that meet often: few times, few topics, some of each far more frequent than the rest. */
export class World {
  readonly prng: Prng
  readonly topics: Uint8Array[]
  /** Everything ever made, also what was pruned since. */
  readonly made: Envelope[] = []
  #nonce = 0

  constructor(prng: Prng) {
    this.prng = prng
    this.topics = [...ODD_TOPICS, ...Array.from({ length: 55 }, () => prng.bytes(4))]
  }

  topic(): Uint8Array {
    const { prng } = this
    if (prng.chance(0.3)) return this.topics[prng.below(3)] as Uint8Array
    return prng.pick(this.topics)
  }

  time(): number {
    const { prng } = this
    const day = START + prng.below(DAYS) * DAY
    if (prng.chance(0.02)) return prng.pick([0, 1, DAY, MAX_UINT32 - 1, MAX_UINT32])
    if (prng.chance(0.1)) return day + prng.pick([-1, 0, 1])
    return day + prng.below(200) * 7
  }

  envelope(): Envelope {
    const { prng } = this
    // What makes envelopes of the same time and topic differ.
    const mark = Uint8Array.of(this.#nonce >>> 16, this.#nonce >>> 8, this.#nonce++)
    const size = prng.chance(0.004) ? prng.between(50_000, 300_000) : prng.below(prng.pick([1, 30, 400]))
    const data = new Uint8Array(3 + size)
    data.set(mark)
    const made = envelopeAt(this.time(), this.topic(), data, prng.below(3))
    this.made.push(made)
    return made
  }

  /** A batch with old acquaintances among the new ones, and twins. */
  batch(size: number): Envelope[] {
    return Array.from({ length: size }, () =>
      this.made.length > 0 && this.prng.chance(0.1) ? this.prng.pick(this.made) : this.envelope()
    )
  }

  /** Mostly it spares most of what there is. */
  pruneBound(): number {
    const { prng } = this
    if (prng.chance(0.1)) return prng.pick([0, 1, 2 ** 32])
    return (
      START + Math.min(prng.below(DAYS), prng.below(DAYS), prng.below(DAYS)) * DAY + prng.pick([0, prng.below(1400)])
    )
  }

  /** Of some topics, of all but some, or of all; sometimes no more than a part of what is too old. */
  trim(): ArchiveTrim {
    const { prng } = this
    const trim: ArchiveTrim = { before: this.pruneBound() }
    const choice = prng.below(4)
    if (choice === 0) trim.topics = this.#someTopics()
    if (choice > 1) trim.except = this.#someTopics()
    if (prng.chance(0.3)) trim.most = prng.between(1, 200)
    if (prng.chance(0.3)) trim.envelopes = prng.between(1, 200)
    if (prng.chance(0.3)) trim.bytes = prng.between(1, 100_000)
    return trim
  }

  query(): ArchiveQuery {
    const { prng } = this
    const query: ArchiveQuery = { ...this.#range(), limit: this.#limit() }
    const filter = prng.below(10)
    if (filter < 5) query.topics = this.#someTopics()
    if (filter >= 4 && filter < 8) query.bloom = this.#bloom()
    if (prng.chance(0.5)) query.cursor = this.#cursor()
    if (prng.chance(0.3)) query.maxBytes = prng.pick([0, 1, prng.below(500), prng.below(20_000), prng.below(600_000)])
    return query
  }

  #range(): { lower: number; upper: number } {
    const { prng } = this
    if (prng.chance(0.3)) return { lower: 0, upper: MAX_UINT32 }
    const [a, b] = [this.time(), prng.chance(0.1) ? MAX_UINT32 : this.time()]
    return { lower: Math.min(a, b), upper: Math.max(a, b) }
  }

  #limit(): number {
    const { prng } = this
    if (prng.chance(0.1)) return Number.POSITIVE_INFINITY
    return prng.pick([1, 2, prng.between(1, 20), prng.between(1, 200), prng.between(1, 2000)])
  }

  #someTopics(): Uint8Array[] {
    const { prng } = this
    const count = prng.pick([1, 1, 2, prng.between(1, 10), prng.between(1, 80)])
    return Array.from({ length: count }, () => (prng.chance(0.05) ? prng.bytes(4) : prng.pick(this.topics)))
  }

  #bloom(): Uint8Array {
    const { prng } = this
    if (prng.chance(0.05)) return prng.pick([fullBloom(), new Uint8Array(64)])
    if (prng.chance(0.3)) return topicBloom(prng.pick(this.topics))
    return bloomOf(this.#someTopics())
  }

  /** Of a stored envelope, of one that was pruned, or of one that never was. */
  #cursor(): Uint8Array {
    const { prng } = this
    if (this.made.length > 0 && prng.chance(0.7)) {
      const { sent, hash } = prng.pick(this.made)
      return encodeCursor(sent, hash)
    }
    const hash = prng.chance(0.3) ? new Uint8Array(32).fill(prng.pick([0, 0xff])) : prng.bytes(32)
    return encodeCursor(prng.chance(0.2) ? prng.uint32() : this.time(), hash)
  }
}
