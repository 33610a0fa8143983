import { mkdirSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { type Database, openDatabase } from '../../../src/archive/database/database.js'
import type { Prng } from '../../../test/archive/prng.js'
import { Judgement } from '../judgement.js'
import type { Ledger } from '../ledger.js'
import type { Tools } from '../part.js'
import { cutPower } from '../power-cut.js'
import { Trial } from '../trial.js'
import type { Recording } from './recording.js'
import { storedHistories } from './stored.js'

export const KINDS = ['kill -9', 'power cut', 'torn tail'] as const
export type Kind = (typeof KINDS)[number]

/** A recorded run, to be cut anywhere. */
export interface Recorded {
  recording: Recording
  /** Its times are positions of the recording. */
  ledger: Ledger
}

/** Makes the data dir as a cut leaves it, in `place/data`. */
export function leave({ recording }: Recorded, { kind, position, place, prng }: CutInit): void {
  mkdirSync(place, { recursive: true })
  const { folder, journal } = recording.restore(position, place)
  if (kind !== 'kill -9') cutPower(folder, journal, prng, { torn: kind === 'torn tail' })
}

export interface CutInit {
  kind: Kind
  /** One of the recording's. */
  position: number
  /** A folder for what it leaves; removed at the end. */
  place: string
  prng: Prng
}

export interface Judged {
  judgement: Judgement
  ledger: Ledger
  outages: number
  notes: readonly string[]
}

/**
 * Cuts a recorded run, and looks for everything that was confirmed until then.
 *
 * @param whole starts the node on what is left, instead of opening its archive here
 */
export async function judgeCut(run: Recorded, init: CutInit, whole: Tools | undefined): Promise<Judged> {
  const { place, position, prng } = init
  try {
    leave(run, init)
    const ledger = run.ledger.asOf(position)
    const judgement = new Judgement()
    if (whole !== undefined) return await judgeNode(place, ledger, judgement, { ...whole, seed: prng.uint32() })
    const notes: string[] = []
    await judgeArchive(join(place, 'data', 'database'), ledger, judgement, line => notes.push(line))
    return { judgement, ledger, outages: 0, notes }
  } finally {
    rmSync(place, { recursive: true, force: true, maxRetries: 5 })
  }
}

async function judgeNode(
  folder: string,
  ledger: Ledger,
  judgement: Judgement,
  { library, client, seed }: Tools & { seed: number }
): Promise<Judged> {
  const trial = new Trial({ folder, library, client, seed, ledger: () => ledger })
  try {
    await judgement.judge(trial)
    return { judgement, ledger, outages: trial.outages, notes: trial.notes }
  } finally {
    await trial.end()
  }
}

async function judgeArchive(
  path: string,
  ledger: Ledger,
  judgement: Judgement,
  note: (line: string) => void
): Promise<void> {
  let database: Database
  try {
    mkdirSync(path, { recursive: true })
    database = await openDatabase(path, { check: false })
  } catch (err) {
    note(`does not open: ${(err as Error).message}`)
    database = await openDatabase(path, { check: false, salvage: true })
    await database.archive.repair()
  }
  try {
    judgement.weigh(await storedHistories(database.archive), ledger, { note })
  } finally {
    await database.close()
  }
}
