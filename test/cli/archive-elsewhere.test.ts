import assert from 'node:assert/strict'
import { join } from 'node:path'
import { test } from 'node:test'
import { findDataDir } from '../../src/node/data-dir/data-dir.js'
import { notePlace } from '../../src/node/data-dir/shared-archive.js'
import { openStore } from '../../src/node/data-dir/store.js'
import { tempDir } from '../node/temp-dir.js'
import { newDataDir, run, startNode } from './processes.js'

test('of a stopped node whose archive lies elsewhere nobody is told that there is nothing, and nothing goes where it is not served', async t => {
  const cwd = tempDir(t)
  const dataDir = join(cwd, 'waku-data')
  await newDataDir(dataDir)
  const note = async (settings: { archive?: string }): Promise<void> => {
    const store = await openStore(await findDataDir(dataDir))
    await notePlace(store.datastore, settings)
    await store.close()
  }
  await note({ archive: 'cassandra://one.example,two.example/waku' })
  const refused =
    /keeps its archive at cassandra:\/\/one\.example,two\.example\/waku: name it with --archive, or its settings/
  const commands = [
    ['stats'],
    ['verify'],
    ['repair'],
    ['prune', '--before', '1d'],
    ['export', '--output', 'x'],
    ['backup', '--output', 'y']
  ]
  for (const command of commands) {
    const { code, stderr } = await run(t, command, { cwd })
    assert.equal(code, 1, command.join(' '))
    assert.match(stderr, refused, command.join(' '))
  }
  assert.equal((await run(t, ['trust', 'list'], { cwd })).code, 0, 'the list is here')

  // a node that keeps its archive here again
  const node = await startNode(t, cwd, ['--no-devp2p', '--no-admin'])
  await node.stop()
  const stats = await run(t, ['stats'], { cwd })
  assert.equal(stats.code, 0, stats.stderr)
})
