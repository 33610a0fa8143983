import { mkdirSync } from 'node:fs'
import { ClassicLevel } from 'classic-level'
import { concatBytes, writeUint32 } from '../../src/wire/bytes.js'
import type { Envelope } from '../../src/wire/envelope/envelope.js'

export type LegacyForm = 'status-go' | 'go-ethereum'

export function legacyKey({ sent, hash, topic }: Envelope, form: LegacyForm): Uint8Array {
  return concatBytes(writeUint32(sent), hash, form === 'status-go' ? topic : new Uint8Array(0))
}

/** Opens a LevelDB with the options of goleveldb, which both mailservers write with: snappy blocks, 4 MiB of log. */
export async function openLegacy(folder: string): Promise<ClassicLevel<Uint8Array, Uint8Array>> {
  mkdirSync(folder, { recursive: true })
  const level = new ClassicLevel<Uint8Array, Uint8Array>(folder, {
    keyEncoding: 'view',
    valueEncoding: 'view',
    compression: true,
    writeBufferSize: 4 * 1024 * 1024,
    blockSize: 4096
  })
  await level.open()
  return level
}

/** Makes the archive of a legacy mailserver. */
export async function writeLegacy(
  folder: string,
  envelopes: readonly Envelope[],
  form: LegacyForm = 'status-go'
): Promise<void> {
  const level = await openLegacy(folder)
  await level.batch(envelopes.map(envelope => ({ type: 'put', key: legacyKey(envelope, form), value: envelope.raw })))
  await level.close()
}
