import { fileURLToPath } from 'node:url'
import { openDatabase } from '../../src/archive/database/database.js'
import { useQuickKeccak } from '../../src/node/crypto/quick-keccak.js'
import type { Envelope } from '../../src/wire/envelope/envelope.js'
import { envelopeAt } from './traffic.js'

/** The envelopes that the process below appends, by their number. */
export function envelopesOfProcess(from: number, count: number): Envelope[] {
  return Array.from({ length: count }, (_, i) =>
    envelopeAt(1_600_041_600 + (from + i) * 60, Uint8Array.of(1, 2, 3, 4), Uint8Array.of((from + i) >> 8, from + i))
  )
}

/** Appends until it is killed, several batches at a time, and says how many envelopes in a row are acknowledged. */
async function appendForEver(directory: string): Promise<void> {
  await useQuickKeccak()
  const { archive } = await openDatabase(directory)
  for (let from = 0; ; from += 100) {
    await Promise.all([0, 25, 50, 75].map(offset => archive.append(envelopesOfProcess(from + offset, 25))))
    process.send?.(from + 100)
  }
}

if (process.argv[1] === fileURLToPath(import.meta.url)) await appendForEver(process.argv[2] as string)
