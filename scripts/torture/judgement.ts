import { NotServingError } from './node-process.js'
import type { Trial } from './trial.js'

/** What became of what was posted, by hash in hex. */
export class Judgement {
  /** Acknowledged, not delivered, and nobody was told. */
  readonly lost = new Set<string>()
  /** Acknowledged and not delivered, but the node says that something is missing. */
  readonly said = new Set<string>()
  /** Delivered, and never posted. */
  readonly wrong = new Set<string>()
  outages = 0

  get harm(): boolean {
    return this.lost.size > 0 || this.wrong.size > 0
  }

  /** Starts the node again and asks it for everything; false when it does not serve any more. */
  async judge(trial: Trial, args: readonly string[]): Promise<boolean> {
    try {
      await trial.start(args)
    } catch (err) {
      if ((err as Error).name !== NotServingError.name) throw err
      // the operator is told that the node does not serve, and why
      for (const hash of trial.ledger.owed()) this.said.add(hash)
      trial.notes.push((err as Error).message)
      return false
    }
    await this.look(trial)
    return true
  }

  /** Asks the running node for everything. */
  async look(trial: Trial): Promise<void> {
    const { posted } = trial.ledger
    const owed = [...trial.ledger.owed()]
    for (const { hashes, unreadable, incomplete } of await trial.histories()) {
      for (const hash of hashes.keys()) if (!posted.has(hash)) this.wrong.add(hash)
      for (let i = 0; i < unreadable; i++) this.wrong.add(`page ${i}`)
      const missing = owed.filter(hash => !hashes.has(hash))
      if (incomplete !== undefined) trial.notes.push(`${missing.length} missing, and said: ${incomplete}`)
      for (const hash of missing) (incomplete === undefined ? this.lost : this.said).add(hash)
    }
    for (const hash of this.lost) this.said.delete(hash)
    // each is counted once, whatever comes after
    for (const hash of [...this.lost, ...this.said]) trial.ledger.giveUp(hash)
  }
}
