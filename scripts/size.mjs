// What this package adds to the bundle of an application that has libp2p already, in bytes after gzip: the application with our
// services less the same without them, built by Vite. The limit is for what a page loads before anything is posted or asked for;
// what bundlers keep apart until then (posting, histories, why a dial failed, push) is told beside it. Growth past a limit fails.
import { join } from 'node:path'
import { gzipSync } from 'node:zlib'
import { build } from 'vite'

/** An application may load a part of itself later: what the bundler needs for that is not ours. */
const LATER = '/later.js'

const LIBP2P = `
  import { createLibp2p } from 'libp2p'
  import { noise } from '@chainsafe/libp2p-noise'
  import { yamux } from '@libp2p/yamux'
  import { webSockets } from '@libp2p/websockets'
  import { identify } from '@libp2p/identify'
  globalThis.later = () => import('${LATER}')
  globalThis.libp2p = [createLibp2p, noise, yamux, webSockets, identify]`

const CASES = [
  { name: 'waku + mailclient', imports: 'waku, mailclient', beside: LIBP2P, limit: 31 },
  { name: 'waku + mailclient + mailbox', imports: 'waku, mailclient, mailbox', beside: LIBP2P, limit: 51 },
  { name: 'waku + mailclient + mailserver', imports: 'waku, mailclient, mailserver', beside: LIBP2P, limit: 59 },
  { name: 'topicFromName alone', imports: 'topicFromName', beside: '', limit: 4 }
]

const root = join(import.meta.dirname, '..')
const gzipped = chunks => chunks.reduce((sum, { code }) => sum + gzipSync(code, { level: 9 }).length, 0)

/** The chunks of an application: those that a page loads at once, and all of them. */
async function bundle(source) {
  const entry = join(root, 'application.js')
  const { output } = await build({
    root,
    configFile: false,
    publicDir: false,
    logLevel: 'error',
    plugins: [
      {
        name: 'application',
        resolveId: id => (id === entry || id === LATER ? id : undefined),
        load: id => (id === entry ? source : id === LATER ? 'export {}' : undefined)
      }
    ],
    build: { write: false, target: 'es2022', modulePreload: false, rollupOptions: { input: entry } }
  })
  const all = output.filter(({ type }) => type === 'chunk')
  const named = new Map(all.map(chunk => [chunk.fileName, chunk]))
  const first = new Set(all.filter(({ isEntry }) => isEntry))
  // a set is walked to its end though it grows meanwhile
  for (const { imports } of first) for (const name of imports) first.add(named.get(name))
  return { first: [...first], all }
}

/** Modules and their length before minification, the largest first. */
function files(chunks) {
  return chunks
    .flatMap(({ modules }) => Object.entries(modules).map(([file, { renderedLength }]) => [file, renderedLength]))
    .sort((a, b) => b[1] - a[1])
}

let failed = false
const without = new Map([['', { first: [], all: [] }]])
for (const { name, imports, beside, limit } of CASES) {
  if (!without.has(beside)) without.set(beside, await bundle(beside))
  const before = without.get(beside)
  const after = await bundle(`${beside}\nimport { ${imports} } from 'waku-mailserver'\nglobalThis.added = [${imports}]`)
  const [added, whole] = ['first', 'all'].map(part => (gzipped(after[part]) - gzipped(before[part])) / 1024)
  if (added > limit) failed = true
  const later = whole - added < 0.05 ? '' : `, ${whole.toFixed(1)} with all that is loaded later`
  const verdict = added <= limit ? 'ok' : 'TOO LARGE'
  process.stdout.write(`${name}: ${added.toFixed(1)} KiB gzip${later}; limit ${limit}: ${verdict}\n`)
  if (process.argv.includes('--files')) {
    const known = new Set(files(before.all).map(([file]) => file))
    const fresh = files(after.all).filter(([file]) => !known.has(file))
    const firsts = new Set(files(after.first).map(([file]) => file))
    for (const [file, length] of fresh.slice(0, 100)) {
      process.stdout.write(`  ${length} ${file.replace(`${root}/`, '')}${firsts.has(file) ? '' : ' (later)'}\n`)
    }
  }
}
process.exitCode = failed ? 1 : 0
