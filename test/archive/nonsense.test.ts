import assert from 'node:assert/strict'
import { execFile } from 'node:child_process'
import { readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { test } from 'node:test'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { type BlockHandle, blockEntries, decodeHandle } from '../../src/archive/database/files/table-block.js'
import { useQuickKeccak } from '../../src/node/crypto/quick-keccak.js'
import { copyOf, databaseInTables, largest } from './damage.js'
import type { Reading } from './reading-process.js'
import { temporaryDirectory } from './temporary.js'
import { envelopeAt } from './traffic.js'

// LevelDB reads tables without a look at their checksums, and ends the process where a length makes no sense: each of these kinds of
// damage did that to some command, in a table that is not among the newest. It is met in processes of their own.

await useQuickKeccak()

const COUNT = 3000
const ENVELOPES = Array.from({ length: COUNT }, (_, i) =>
  envelopeAt(
    1_600_041_600 + i * 20,
    Uint8Array.of(1, 2, 3, i % 7),
    new Uint8Array(250).fill(i & 0xff).fill(i >> 8, 0, 4)
  )
)
/** Envelopes in a block of 4 KiB, and in two that are cut by what is spoiled. */
const BLOCKFUL = 30

interface Parts {
  blocks: BlockHandle[]
  meta: BlockHandle
  index: BlockHandle
  footer: number
}

function partsOf(table: Uint8Array): Parts {
  const footer = table.length - 48
  const { handle: meta, end } = decodeHandle(table, footer)
  const { handle: index } = decodeHandle(table, end)
  const entries = [...blockEntries(table.subarray(index.offset, index.offset + index.size))]
  return { blocks: entries.map(({ value }) => decodeHandle(value).handle), meta, index, footer }
}

/** What is done to a table, and how many envelopes that may cost. */
const NONSENSE: Record<string, { spoil: (table: Uint8Array, parts: Parts) => void; costs: number }> = {
  'a sector of zeros at the beginning of a block': {
    spoil: (table, { blocks }) => void table.fill(0, blocks[100]?.offset, (blocks[100]?.offset ?? 0) + 512),
    costs: BLOCKFUL
  },
  'a block of zeros': {
    spoil: (table, { blocks }) => void table.fill(0, blocks[90]?.offset, blocks[91]?.offset),
    costs: BLOCKFUL
  },
  'lengths that are none': {
    spoil: (table, { blocks }) => table.set([7, 0xff, 0xff, 0xff, 0xff, 0x0f], blocks[95]?.offset),
    costs: BLOCKFUL
  },
  'restarts that lie elsewhere': {
    spoil: (table, { blocks: { 80: block } }) =>
      table.set([0xff, 0xff, 0xff, 0x7f, 1, 0, 0, 0], (block?.offset ?? 0) + (block?.size ?? 0) - 8),
    costs: BLOCKFUL
  },
  'an index of zeros': { spoil: (table, { index }) => void table.fill(0, index.offset, index.offset + 64), costs: 0 },
  'handles that lead nowhere': {
    spoil: (table, { footer }) => table.set([0xff, 0xff, 0xff, 0xff, 0xff, 0x7f, 0xff, 0xff, 0x7f], footer),
    costs: 0
  },
  'no end': { spoil: (table, { footer }) => void table.fill(0, footer), costs: 0 }
}

test('nonsense in a table that nobody looked at ends no process, and costs no more than what it lies in', async t => {
  const directory = join(await temporaryDirectory(t), 'db')
  await databaseInTables(directory, [ENVELOPES])
  const sound = new Uint8Array(await readFile(await largest(directory, '.ldb')))
  const parts = partsOf(sound)
  assert.ok(parts.blocks.length > 200, 'many blocks of rows, and nothing else, come first')
  const script = fileURLToPath(new URL('./reading-process.js', import.meta.url))
  const others: Reading[] = ['verify', 'repair', 'stats']
  for (const [i, [name, { spoil, costs }]] of Object.entries(NONSENSE).entries())
    for (const what of ['page', others[i % 3] as Reading]) {
      const copy = await copyOf(directory, 'spoiled')
      const table = sound.slice()
      spoil(table, parts)
      await writeFile(await largest(copy, '.ldb'), table)
      // it rejects when the process ends by a signal, or with an error
      const { stdout } = await promisify(execFile)(process.execPath, [script, copy, what], { timeout: 60_000 }).catch(
        ({ signal, stderr }) => assert.fail(`${name}, ${what}: ${signal} ${stderr}`)
      )
      assert.ok(Number(stdout) >= COUNT - costs && Number(stdout) <= COUNT, `${name}, ${what}: ${stdout} are left`)
    }
})
