import { toHex } from '../../../src/wire/bytes.js'
import type { Runs } from '../fault.js'
import type { Trial } from '../trial.js'

/** Something that the node does while a fault strikes. */
export interface Activity {
  readonly name: string
  /** Runs on the same data dir. */
  readonly rounds: number
  readonly runs: Runs
  /** Calls `strike` in the middle of it. Ends when the node dies, or when it is done. */
  run(trial: Trial, strike: () => void): Promise<void>
  /** Once the node runs again. */
  resume?(trial: Trial): Promise<void>
}

const DAY = 86_400
/** LevelDB writes a table after 2 MB, as `small-buffer.ts` has it. */
const BIG = 60_000

const ingest: Activity = {
  name: 'ingest',
  rounds: 10,
  runs: { small: 3, full: 400 },
  async run(trial, strike) {
    strike()
    await trial.post(4000)
  }
}

/** What is pruned is not owed any more; what is posted meanwhile is. */
const prune: Activity = {
  name: 'prune',
  rounds: 2,
  runs: { small: 1, full: 20 },
  async run(trial, strike) {
    await trial.post(1000, { batch: 200, age: 3 * DAY, ttl: 5 * DAY })
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
  runs: { small: 1, full: 20 },
  async run(trial, strike) {
    let begun = false
    const until = (): boolean => {
      if (!begun && trial.tables > 0) {
        begun = true
        strike()
      }
      return false
    }
    await trial.post(240, { batch: 4, size: BIG, until })
  }
}

/** What the other mailserver has is owed once a backfill says that it is done. */
const backfill: Activity = {
  name: 'backfill',
  rounds: 1,
  runs: { small: 1, full: 20 },
  async run(trial, strike) {
    const source = trial.neighbours[0] ?? (await trial.neighbour())
    await source.post(2000, { batch: 500 })
    for (const [hash, { sent }] of source.ledger.posted) trial.ledger.meet(hash, sent)
    strike()
    await Promise.all([fill(trial, source).catch(() => {}), trial.post(1000)])
  },
  async resume(trial) {
    const source = trial.neighbours[0] as Trial
    await fill(trial, source)
    for (const hash of source.ledger.owed()) trial.ledger.acknowledge(hash)
  }
}

function fill(trial: Trial, source: Trial): Promise<unknown> {
  const { address } = source.node
  const from = trial.now - DAY
  return trial.ask('backfill', { server: address, from, to: trial.now, key: toHex(trial.key), pow: 0, trust: true })
}

/** Indexes and counts are made anew while envelopes come in. */
const repair: Activity = {
  name: 'repair',
  rounds: 1,
  runs: { small: 1, full: 20 },
  async run(trial, strike) {
    await trial.post(1000, { batch: 200 })
    strike()
    await Promise.all([trial.ask('repair').catch(() => {}), trial.post(1000)])
  }
}

export const activities: readonly Activity[] = [ingest, prune, compaction, backfill, repair]
