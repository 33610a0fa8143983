import { mkdir, readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import type { IngestRates } from './ingest.js'
import type { LoadCost } from './load.js'
import { root } from './prepared.js'
import type { QueryCost } from './queries.js'
import type { ReadersCost } from './readers.js'

/** What was measured of an archive of some size. */
export interface Measured {
  queries?: QueryCost[] | undefined
  /** Bytes on disk for each byte of envelopes, of ours and of status-go's layout. */
  disk?: { own: number; scan: number } | undefined
  /** Until a cleanly closed archive answers, ms. */
  open?: number | undefined
  load?: LoadCost | undefined
  readers?: ReadersCost | undefined
  /** Envelopes a second. */
  ingest?: IngestRates | undefined
}

export type Results = Record<string, Measured>

const path = join(root, 'results.json')

/** Of the runs before this one: a full bench takes several. */
export async function readResults(): Promise<Results> {
  try {
    return JSON.parse(await readFile(path, 'utf8')) as Results
  } catch {
    return {}
  }
}

export async function keep(count: number, measured: Measured): Promise<void> {
  const results = await readResults()
  results[count] = { ...results[count], ...measured }
  await mkdir(root, { recursive: true })
  await writeFile(path, JSON.stringify(results))
}
