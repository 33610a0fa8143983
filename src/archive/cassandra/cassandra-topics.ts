import type { CassandraDirectory, Runner } from './cassandra-directory.js'

/** All topics there are, read anew when some came or went. */
export class CassandraTopics {
  readonly #runner: Runner
  readonly #directory: CassandraDirectory
  #known: { stamp: number; topics: Promise<number[]> } | undefined

  constructor(runner: Runner, directory: CassandraDirectory) {
    this.#runner = runner
    this.#directory = directory
  }

  /** @param stamp - of the newest change of the topics, as the head has it */
  async all(stamp: number): Promise<number[]> {
    if (this.#known?.stamp !== stamp) {
      const topics = this.#directory.topics(this.#runner)
      const known = { stamp, topics }
      this.#known = known
      topics.catch(() => {
        if (this.#known === known) this.#known = undefined
      })
    }
    return await this.#known.topics
  }
}
