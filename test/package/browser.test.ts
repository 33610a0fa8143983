import assert from 'node:assert/strict'
import { join } from 'node:path'
import { test } from 'node:test'
import { fileURLToPath } from 'node:url'
import { build } from 'esbuild'
import { repositoryRoot } from '../helpers/repository.js'

const entry = fileURLToPath(new URL('../../src/index.js', import.meta.url))

test('the main entry bundles for browsers and needs nothing of Node', async () => {
  const { metafile, outputFiles } = await build({
    entryPoints: [entry],
    absWorkingDir: repositoryRoot,
    bundle: true,
    write: false,
    metafile: true,
    format: 'esm',
    platform: 'browser',
    target: 'es2022',
    logLevel: 'silent'
  })
  const inputs = Object.keys(metafile.inputs)
  assert.ok(inputs.length > 50, 'the bundle holds the services and what they use')
  const imports = Object.values(metafile.inputs).flatMap(input => input.imports.map(imported => imported.path))
  assert.deepEqual(
    imports.filter(path => path.startsWith('node:')),
    []
  )
  assert.deepEqual(
    inputs.filter(path => /classic-level|hash-wasm|[/\\]src[/\\](node|cli|devp2p|bridge)[/\\]/.test(path)),
    []
  )
  assert.equal(outputFiles.length, 1)
})

test('the bundle for browsers starts where Node has no say', async () => {
  const outfile = join(repositoryRoot, 'build', 'browser-bundle.mjs')
  await build({
    stdin: {
      contents: `import * as all from ${JSON.stringify(entry)}; export const names = Object.keys(all)`,
      resolveDir: repositoryRoot
    },
    bundle: true,
    outfile,
    format: 'esm',
    platform: 'browser',
    logLevel: 'silent'
  })
  const { names } = (await import(outfile)) as { names: string[] }
  for (const name of ['waku', 'mailserver', 'mailclient']) assert.ok(names.includes(name), name)
})
