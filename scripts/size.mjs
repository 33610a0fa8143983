// What this package adds to the bundle of an application that has libp2p already, in bytes after gzip. Growth past a limit fails.
import { gzipSync } from 'node:zlib'
import { build } from 'esbuild'

const BASE = `
  import { createLibp2p } from 'libp2p'
  import { noise } from '@chainsafe/libp2p-noise'
  import { yamux } from '@libp2p/yamux'
  import { identify } from '@libp2p/identify'
  globalThis.base = [createLibp2p, noise, yamux, identify]`

const CASES = [
  { name: 'waku + mailclient', imports: 'waku, mailclient', base: BASE, limit: 40 * 1024 },
  { name: 'waku + mailclient + mailserver', imports: 'waku, mailclient, mailserver', base: BASE, limit: 56 * 1024 },
  { name: 'topicFromName alone', imports: 'topicFromName', base: '', limit: 6 * 1024 }
]

async function bundle(contents) {
  const { outputFiles, metafile } = await build({
    stdin: { contents, resolveDir: import.meta.dirname },
    bundle: true,
    write: false,
    metafile: true,
    minify: true,
    format: 'esm',
    platform: 'browser',
    target: 'es2022',
    logLevel: 'silent'
  })
  return {
    size: gzipSync(outputFiles[0].contents, { level: 9 }).length,
    inputs: Object.values(metafile.outputs)[0].inputs
  }
}

let failed = false
for (const { name, imports, base, limit } of CASES) {
  const before = base === '' ? { size: 0, inputs: {} } : await bundle(base)
  const after = await bundle(`${base}\nimport { ${imports} } from 'waku-mailserver'\nglobalThis.added = [${imports}]`)
  const added = after.size - before.size
  const verdict = added <= limit ? 'ok' : 'TOO LARGE'
  process.stdout.write(`${name}: ${(added / 1024).toFixed(1)} KiB gzip, limit ${limit / 1024}: ${verdict}\n`)
  if (added > limit) failed = true
  if (process.argv.includes('--files')) {
    const grown = Object.entries(after.inputs).map(([file, { bytesInOutput }]) => [
      file,
      bytesInOutput - (before.inputs[file]?.bytesInOutput ?? 0)
    ])
    for (const [file, bytes] of grown.sort((a, b) => b[1] - a[1]).slice(0, 60))
      process.stdout.write(`  ${bytes} ${file}\n`)
  }
}
process.exitCode = failed ? 1 : 0
