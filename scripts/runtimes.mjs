// Runs the programs of the README, as an application that installed the package has them, on every runtime that the npm
// registry brings: one line each. With --readme the table in the README is made of it. A failure ends it with code 1.
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { application, BESIDE, pack, ROOT, run, scenario } from './packed.mjs'

const LIBC = process.platform === 'linux' ? '-glibc' : ''
const PLATFORM = `${process.platform}-${process.arch}`
const DENO = { x64: 'x64', arm64: 'arm64' }[process.arch]
const BUN = { x64: 'x64', arm64: 'aarch64' }[process.arch]

/** Packages that hold nothing but the binary, and where it lies. */
const RUNTIMES = [
  ...[20, 22, 24].map(major => ({
    name: `Node ${major}`,
    spec: `node-${PLATFORM}@${major}`,
    path: `node-${PLATFORM}/bin/node`,
    args: []
  })),
  {
    name: 'Deno',
    spec: `@deno/${process.platform}-${DENO}${LIBC}@2`,
    path: `@deno/${process.platform}-${DENO}${LIBC}/deno`,
    args: ['run', '--allow-all', '--node-modules-dir=manual'],
    lingers: true,
    note: '; what libp2p leaves behind keeps the process, end it with `process.exit()`'
  },
  {
    name: 'Bun',
    spec: `@oven/bun-${process.platform}-${BUN}@1`,
    path: `@oven/bun-${process.platform}-${BUN}/bin/bun`,
    args: ['run']
  }
]

/** Kept in build/, so that a second run fetches nothing. */
async function binary({ name, spec, path }) {
  const folder = join(ROOT, 'build', 'runtimes', name.replace(' ', '-').toLowerCase())
  const program = join(folder, 'node_modules', path)
  if (existsSync(program)) return program
  mkdirSync(folder, { recursive: true })
  writeFileSync(join(folder, 'package.json'), '{ "private": true }')
  await run('npm', ['install', '--no-save', '--no-audit', '--no-fund', '--ignore-scripts', spec], { cwd: folder })
  return program
}

const folder = application()
await run('npm', ['install', '--prefer-offline', '--no-audit', '--no-fund', await pack(), ...BESIDE], { cwd: folder })

const rows = []
for (const runtime of RUNTIMES) {
  const row = { name: runtime.name, version: '?', verdict: 'yes' }
  rows.push(row)
  try {
    const program = await binary(runtime)
    row.version = /\d+\.\d+\.\d+/.exec((await run(program, ['--version'])).stdout)?.[0] ?? '?'
    await scenario(folder, program, runtime.args, runtime)
    row.verdict += runtime.note ?? ''
  } catch (err) {
    row.verdict = 'no'
    process.stderr.write(`${runtime.name}: ${err.message}\n`)
    process.exitCode = 1
  }
  process.stdout.write(`${row.name} ${row.version}: post, wait past the TTL, fetch, open: ${row.verdict}\n`)
}

if (process.argv.includes('--readme')) {
  const path = join(ROOT, 'README.md')
  const [start, end] = ['<!-- made by npm run runtimes -->\n', '<!-- end of what is made -->']
  const text = readFileSync(path, 'utf8')
  const table = rows.map(({ name, version, verdict }) => `| ${name} | ${version} | ${verdict} |\n`).join('')
  const made = `${start}| Runtime | Tried | Serves, posts, fetches, opens |\n|---|---|---|\n${table}`
  writeFileSync(path, text.slice(0, text.indexOf(start)) + made + text.slice(text.indexOf(end)))
}
