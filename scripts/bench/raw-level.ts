import { openLegacy } from '../../test/transfer/legacy-level.js'

/** Envelopes a second that LevelDB alone hands out of a whole database. */
export async function raw(folder: string): Promise<number> {
  const level = await openLegacy(folder)
  const start = performance.now()
  let count = 0
  const iterator = level.iterator({ highWaterMarkBytes: 1024 * 1024 })
  for (let entries = await iterator.nextv(4096); entries.length > 0; entries = await iterator.nextv(4096)) {
    count += entries.length
  }
  await iterator.close()
  const seconds = (performance.now() - start) / 1000
  await level.close()
  return Math.round(count / seconds)
}
