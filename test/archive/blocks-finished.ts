import assert from 'node:assert/strict'
import type { Archive } from '../../src/archive/archive.js'
import type { LevelStore } from '../../src/archive/database/level-store.js'
import * as layout from '../../src/archive/level/level-layout.js'
import { readUint32 } from '../../src/wire/bytes.js'

/** Resolves when so many blocks of ingest order are finished, which goes on between other changes. */
export async function blocksFinished(db: LevelStore, archive: Archive, blocks: number): Promise<void> {
  for (let turns = 1; ; turns++) {
    const [value] = await db.getMany([layout.metaKey('blocks')])
    if ((value === undefined ? 0 : readUint32(value, 0)) >= blocks) return
    assert(turns < 1000, 'blocks are finished')
    await archive.attend(turns)
  }
}
