import assert from 'node:assert/strict'
import { readdir, readFile, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { type TestContext, test } from 'node:test'
import { openDatabase } from '../../src/archive/database/database.js'
import { useQuickKeccak } from '../../src/node/crypto/quick-keccak.js'
import { copyOf } from './damage.js'
import { temporaryDirectory } from './temporary.js'
import { envelopeAt } from './traffic.js'

await useQuickKeccak()

const ONE = envelopeAt(1_600_000_000, Uint8Array.of(1, 2, 3, 4), new Uint8Array(9))

/** What a database has on the disk when the power fails while LevelDB makes it: its name for the manifest is not there yet. */
async function cutAtBirth(t: TestContext): Promise<string> {
  const directory = join(await temporaryDirectory(t), 'db')
  const { close } = await openDatabase(directory, { check: false })
  const cut = await copyOf(directory, 'cut')
  await close()
  assert.deepEqual((await readdir(cut)).filter(name => /log$|MANIFEST|CURRENT/.test(name)).sort(), [
    '000003.log',
    'CURRENT',
    'MANIFEST-000002'
  ])
  await rm(join(cut, 'CURRENT'))
  await writeFile(join(cut, '000003.log'), '')
  await writeFile(join(cut, 'MANIFEST-000001'), await readFile(join(cut, 'MANIFEST-000002')))
  return cut
}

test('a database that was cut off while it was made begins anew, whatever is there of its manifests', async t => {
  const cut = await cutAtBirth(t)
  const spoil: Array<(path: string) => Promise<void>> = [
    async () => {},
    path => rm(join(path, 'MANIFEST-000001')),
    path => rm(join(path, 'MANIFEST-000002')),
    path => writeFile(join(path, 'MANIFEST-000002'), ''),
    async path => {
      await rm(join(path, 'MANIFEST-000002'))
      await writeFile(join(path, 'MANIFEST-000001'), '')
    }
  ]
  for (const [i, spoiled] of spoil.entries()) {
    const copy = await copyOf(cut, `copy${i}`)
    await spoiled(copy)
    const { archive, close } = await openDatabase(copy, { check: false })
    const said: string[] = []
    archive.watch({ damaged: (_gap, text) => said.push(text) })
    assert.deepEqual(await archive.append([ONE]), ['stored'])
    await close()
    const again = await openDatabase(copy, { check: false })
    assert.equal((await again.archive.stats()).envelopes, 1)
    await again.close()
    assert.deepEqual(said, [])
  }
})

test('one in which anything may have been stored does not', async t => {
  const cut = await cutAtBirth(t)
  const traces: Array<(path: string) => Promise<void>> = [
    path => writeFile(join(path, '000003.log'), new Uint8Array(1)),
    path => writeFile(join(path, '000004.log'), ''),
    path => writeFile(join(path, 'MANIFEST-000004'), ''),
    path => writeFile(`${path}.marks`, '')
  ]
  for (const [i, leave] of traces.entries()) {
    const copy = await copyOf(cut, `trace${i}`)
    await leave(copy)
    const names = await readdir(copy)
    await assert.rejects(
      openDatabase(copy, { check: false }),
      /its file CURRENT is missing; "waku-mailserver repair"/,
      `${i}`
    )
    assert.deepEqual((await readdir(copy)).sort(), names.sort())
  }
})
