import type { ClassicLevel } from 'classic-level'

/** The table of envelopes alone, as fast as classic-level reads it; returns how many there are. */
export async function rawScan(level: ClassicLevel<Uint8Array, Uint8Array>): Promise<number> {
  const table = new TextEncoder().encode('!a!e')
  const end = new TextEncoder().encode('!a!f')
  const iterator = level.iterator({ gte: table, lt: end, highWaterMarkBytes: 256 * 1024 })
  let entries = 0
  try {
    for (;;) {
      const found = await iterator.nextv(1000)
      if (found.length === 0) return entries
      entries += found.length
    }
  } finally {
    await iterator.close()
  }
}
