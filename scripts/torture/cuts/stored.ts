import type { Archive, ArchiveRow } from '../../../src/archive/archive.js'
import { MAX_UINT32, toHex } from '../../../src/wire/bytes.js'
import { keccak256 } from '../../../src/wire/keccak.js'
import { type History, noHistory } from '../history.js'
import { TOPICS } from '../traffic.js'

const EVERYTHING = { lower: 0, upper: MAX_UINT32, limit: Number.POSITIVE_INFINITY }

/** Everything that an archive would deliver, as `Trial.histories` has it from a node: by time, by topic and in the order of ingest. */
export async function storedHistories(archive: Archive): Promise<History[]> {
  const { gaps } = await archive.coverage({ lower: 0, upper: MAX_UINT32 })
  const histories = [
    await walk(archive.query(EVERYTHING)),
    await walk(archive.query({ ...EVERYTHING, topics: [...TOPICS] })),
    await walk(archive.sequence({ ...EVERYTHING, after: 0 }))
  ]
  return histories.map(history => ({ ...history, gaps }))
}

async function walk(pages: AsyncGenerator<ArchiveRow[], { damaged?: number | undefined }>): Promise<History> {
  const history = noHistory()
  try {
    for (let page = await pages.next(); ; page = await pages.next()) {
      if (page.done === true) return { ...history, damaged: page.value.damaged ?? 0 }
      for (const { raw } of page.value) {
        const hash = toHex(keccak256(raw))
        history.hashes.set(hash, (history.hashes.get(hash) ?? 0) + 1)
      }
    }
  } catch (err) {
    return { ...history, incomplete: (err as Error).message }
  }
}
