import assert from 'node:assert/strict'
import { test } from 'node:test'
import { fileURLToPath } from 'node:url'
import { build } from 'esbuild'
import { repositoryRoot } from '../helpers/repository.js'

const entry = fileURLToPath(new URL('../../src/node/peer/client-peer.js', import.meta.url))

test('post and request load the transport of devp2p for a devp2p peer alone', async () => {
  const { metafile } = await build({
    entryPoints: [entry],
    absWorkingDir: repositoryRoot,
    bundle: true,
    write: false,
    metafile: true,
    format: 'esm',
    platform: 'node',
    packages: 'external',
    logLevel: 'silent'
  })
  const reached = (kinds: readonly string[]): string[] => {
    const seen = new Set(Object.keys(metafile.inputs).filter(path => path.endsWith('/node/peer/client-peer.js')))
    for (const path of seen) {
      for (const { path: next, kind } of metafile.inputs[path]?.imports ?? []) if (kinds.includes(kind)) seen.add(next)
    }
    return [...seen].filter(path => path.endsWith('/devp2p/devp2p-service.js'))
  }
  assert.equal(reached(['import-statement', 'dynamic-import']).length, 1)
  assert.deepEqual(reached(['import-statement']), [])
})
