import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { ClassicLevel } from 'classic-level'
import { ClassicStore } from '../../src/archive/database/classic-store.js'
import { LEVEL_OPTIONS } from '../../src/archive/database/database.js'
import { LevelArchive } from '../../src/archive/level/level-archive.js'
import { useQuickKeccak } from '../../src/node/crypto/quick-keccak.js'
import type { Envelope } from '../../src/wire/envelope/envelope.js'
import { CountingStore } from './counting-store.js'
import type { Traffic } from './traffic.js'

/** An archive on disk that all tests of a file ask, what its database is asked for counted. */
export interface CountedArchive {
  store: CountingStore
  archive: LevelArchive
  /** In the order of ingest. */
  envelopes: Envelope[]
  remove(): Promise<void>
}

/** @param blockSize - of the order of ingest */
export async function countedArchive(traffic: Traffic, blockSize: number): Promise<CountedArchive> {
  await useQuickKeccak()
  const directory = await mkdtemp(join(tmpdir(), 'waku-archive-'))
  const level = new ClassicLevel<Uint8Array, Uint8Array>(directory, LEVEL_OPTIONS)
  await level.open()
  const store = new CountingStore(new ClassicStore(level))
  // looks that no query gave a reason for would be counted with it
  const archive = await LevelArchive.open({ db: store, blockSize, maxCredit: 0 })
  const envelopes: Envelope[] = []
  for (const batch of traffic.batches(2000)) {
    envelopes.push(...batch)
    await archive.append(batch)
  }
  const remove = async (): Promise<void> => {
    await level.close()
    await rm(directory, { recursive: true, force: true })
  }
  return { store, archive, envelopes, remove }
}
