import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { useQuickKeccak } from '../../src/node/crypto/quick-keccak.js'
import { Client } from './client.js'
import { buildFaultyDisk, NoFaultyDiskError } from './faulty-disk.js'
import type { Options } from './options.js'
import type { Tools } from './part.js'

const say = (line: string): boolean => process.stderr.write(`torture: ${line}\n`)

/** Lends what runs on a faulty disk need, and removes it afterwards. Resolves with the exit code. */
export async function onFaultyDisk(
  { keep }: Pick<Options, 'keep'>,
  run: (tools: Tools) => Promise<number>
): Promise<number> {
  const folder = mkdtempSync(join(tmpdir(), 'waku-torture-'))
  process.on('exit', () => rmSync(folder, { recursive: true, force: true, maxRetries: 5 }))
  try {
    const library = buildFaultyDisk(folder)
    await useQuickKeccak()
    const client = await Client.start()
    try {
      return await run({ folder, library, client, say, keep })
    } finally {
      await client.stop()
    }
  } catch (err) {
    if ((err as Error).name !== NoFaultyDiskError.name) throw err
    say(`skipped: ${(err as Error).message}`)
    return process.env.CI === undefined ? 0 : 1
  }
}
