// Tries the package as it would be published, one line for each way to use it: linters, require(), package managers, the oldest
// versions that its ranges allow; with an argument those lines that contain it. Needs a registry. A failure ends it with code 1.
import { existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { application, BESIDE, pack, ROOT, run, scenario, temporary } from './packed.mjs'

const { dependencies } = JSON.parse(readFileSync(join(ROOT, 'package.json'), 'utf8'))
const tool = name => join(ROOT, 'node_modules', '.bin', name)

let failed = false
async function line(name, work) {
  if (!name.includes(process.argv[2] ?? '')) return
  try {
    const more = await work()
    process.stdout.write(`${name}: ok${more === undefined ? '' : `, ${more}`}\n`)
  } catch (err) {
    failed = true
    process.stdout.write(`${name}: FAILED\n${err.message}\n`)
  }
}

const tarball = await pack()
const range = name => dependencies[name]
/** The oldest version of a caret range. */
const oldest = name => range(name).replace('^', '')

await line('publint', () => run(tool('publint'), ['run', tarball, '--level', 'warning']).then(() => undefined))
// ES modules alone: require() takes them from Node 20.19, which the linter does not know
await line('are the types wrong', () =>
  run(tool('attw'), [tarball, '--profile', 'node16', '--ignore-rules', 'cjs-resolves-to-esm']).then(() => undefined)
)

/** How often a package lies in the tree. */
function copies(folder, name) {
  const found = readdirSync(join(folder, 'node_modules'), { recursive: true, encoding: 'utf8' })
  return found.filter(
    path => path.endsWith(join('node_modules', name, 'package.json')) || path === join(name, 'package.json')
  ).length
}

await line('maps lead to sources', async () => {
  const folder = temporary()
  await run('tar', ['-xzf', tarball, '-C', folder])
  const files = readdirSync(join(folder, 'package', 'dist'), { recursive: true, encoding: 'utf8' })
  // the operator's page is one bundle, that nobody steps through
  const ours = files.filter(file => /\.(js|d\.ts)$/.test(file) && !file.startsWith('src/admin/static/'))
  const compiled = ours.map(file => join(folder, 'package', 'dist', file))
  for (const file of compiled) {
    const { sources } = JSON.parse(readFileSync(`${file}.map`, 'utf8'))
    const missing = sources.filter(source => !existsSync(join(dirname(file), source)))
    if (sources.length === 0 || missing.length > 0) throw new Error(`${file}: no source ${missing.join(', ')}`)
  }
  return `${compiled.length} files`
})

const TYPES = {
  module: 'NodeNext',
  target: 'ES2023',
  lib: ['ES2024', 'DOM', 'DOM.Iterable', 'DOM.AsyncIterable'],
  strict: true,
  noEmit: true,
  types: ['node']
}

const tools = temporary()
await run('npm', ['install', '--prefix', tools, '--no-audit', '--no-fund', 'pnpm@10', 'yarn@1'])
const bin = name => join(tools, 'node_modules', '.bin', name)
const [major] = process.versions.node.split('.')
const managers = {
  npm: ['npm', ['install', '--prefer-offline', '--no-audit', '--no-fund']],
  pnpm: [bin('pnpm'), ['add', '--prefer-offline']],
  yarn: [bin('yarn'), ['add', '--non-interactive', ...(Number(major) < 22 ? ['--ignore-engines'] : [])]]
}
for (const [name, [command, args]] of Object.entries(managers)) {
  await line(`${name} installs it, the programs of the README run`, async () => {
    const folder = application()
    await run(command, [...args, name === 'yarn' ? `file:${tarball}` : tarball, ...BESIDE], { cwd: folder })
    await scenario(folder, process.execPath)
    writeFileSync(
      join(folder, 'use.cjs'),
      `const { waku, topicFromName } = require('waku-mailserver'); const { Daemon } = require('waku-mailserver/node')
       if (typeof waku !== 'function' || typeof Daemon !== 'function' || topicFromName('x').length !== 4) process.exit(1)`
    )
    await run(process.execPath, ['use.cjs'], { cwd: folder })
    return 'require() too'
  })
}

/** Below libp2p in a lockfile of its time; newer ones would bring a second copy of what is pinned. */
const BELOW = {
  '@libp2p/multistream-select': '7.0.22',
  '@libp2p/peer-collections': '7.0.22',
  '@libp2p/peer-store': '12.0.22'
}

await line('beside the oldest versions of libp2p that are allowed', async () => {
  const folder = application()
  const names = Object.keys(dependencies).filter(name => /^(libp2p$|@libp2p\/|@chainsafe\/|@multiformats\/)/.test(name))
  const pinned = names.map(name => `${name}@${oldest(name)}`)
  const below = Object.entries(BELOW).map(([name, version]) => `${name}@${version}`)
  const versions = ['typescript@5.9', '@types/node@20']
  await run(
    'npm',
    [
      'install',
      '--prefer-offline',
      '--no-audit',
      '--no-fund',
      '--save-exact',
      tarball,
      ...pinned,
      ...below,
      ...versions
    ],
    { cwd: folder }
  )
  for (const name of names) {
    const count = copies(folder, name)
    if (count !== 1) throw new Error(`${count} copies of ${name}`)
  }
  writeFileSync(join(folder, 'tsconfig.json'), JSON.stringify({ compilerOptions: TYPES, include: ['source'] }))
  if (!existsSync(join(folder, 'source', 'embed.ts'))) throw new Error('there is nothing to compile')
  await run(join(folder, 'node_modules', '.bin', 'tsc'), ['-p', '.'], { cwd: folder })
  await scenario(folder, process.execPath)
  return `one copy of each, and their types fit (${pinned.join(', ')})`
})
process.exitCode = failed ? 1 : 0
