import type { Anonymity } from './items.js'
import type { Lane } from './lane.js'
import type { Server } from './server.js'

/** Which topics each server was asked for since a reader began. */
export class AskedTopics {
  readonly #asked = new Map<Server, { asked: Set<string>; wanted: Set<number> }>()

  /** Whatever became of it: the question may have been read. */
  add(server: Server, { topics, wanted }: Pick<Lane, 'topics' | 'wanted'>): void {
    const known = this.#asked.get(server) ?? { asked: new Set(), wanted: new Set() }
    this.#asked.set(server, known)
    for (const topic of topics) known.asked.add(topic.join())
    for (const number of wanted) known.wanted.add(number)
  }

  /** @param of - how many topics are wanted */
  anonymity(of: number): Anonymity[] {
    return [...this.#asked].map(
      ([
        { peer: server },
        {
          asked: { size: asked },
          wanted: { size: wanted }
        }
      ]) => {
        let bits = 0
        for (let i = 0; i < wanted; i++) bits += Math.log2((asked - i) / (wanted - i))
        return { server, asked, wanted, of, chance: wanted / asked, bits: Math.round(bits * 100) / 100 }
      }
    )
  }
}
