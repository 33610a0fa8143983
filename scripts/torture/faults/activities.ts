import type { Trial } from '../trial.js'

/** Something that the node does while a fault strikes. */
export interface Activity {
  name: string
  /** Runs on the same data dir. */
  rounds: number
  runs: { small: number; full: number }
  /** Calls `strike` in the middle of it. Ends when the node dies, or when it is done. */
  run(trial: Trial, strike: () => void): Promise<void>
}

const HOUR = 3600
const DAY = 24 * HOUR
/** LevelDB writes a table once it holds this much in memory. */
const BIG = 60_000

const ingest: Activity = {
  name: 'ingest',
  rounds: 10,
  runs: { small: 10, full: 500 },
  async run(trial, strike) {
    strike()
    await trial.post(4000)
  }
}

const prune: Activity = {
  name: 'prune',
  rounds: 2,
  runs: { small: 2, full: 50 },
  async run(trial, strike) {
    await trial.post(3000, { batch: 500, age: 3 * DAY, ttl: 5 * DAY })
    await trial.post(500)
    const before = trial.now - DAY
    trial.ledger.giveUpBefore(before)
    strike()
    await Promise.all([trial.ask('prune', { before }).catch(() => {}), trial.post(1000)])
  }
}

const compaction: Activity = {
  name: 'compaction',
  rounds: 1,
  runs: { small: 1, full: 50 },
  async run(trial, strike) {
    let begun = false
    await trial.post(3000, {
      batch: 8,
      size: BIG,
      until() {
        if (!begun && trial.tables > 0) {
          begun = true
          strike()
        }
        return false
      }
    })
  }
}

export const activities: Activity[] = [ingest, prune, compaction]
