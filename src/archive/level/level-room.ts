import type { LevelStore } from '../database/level-store.js'

/** Does what frees room, or mends, also on a disk that takes nothing more, if what was kept back for that is enough. */
export async function withRoom<T>(
  store: LevelStore,
  work: () => Promise<T>,
  signal?: AbortSignal | undefined
): Promise<T> {
  await store.makeRoom?.()
  try {
    return await work().catch(async error => {
      if (signal?.aborted === true || (await store.makeRoom?.()) !== true) throw error
      return work()
    })
  } finally {
    await store.roomMade?.()
  }
}
