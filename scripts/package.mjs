// Tries the package as it would be published, one line for each way to use it: linters, require(), package managers, the oldest
// versions that its ranges allow; with an argument those lines that contain it. Needs a registry. A failure ends it with code 1.
import { existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
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

await line('beside the oldest versions of libp2p that are allowed', async () => {
  const folder = application()
  const pinned = ['libp2p', '@libp2p/interface', ...BESIDE.slice(1)].map(name => `${name}@${oldest(name)}`)
  const versions = ['typescript@5.9', '@types/node@20']
  await run(
    'npm',
    ['install', '--prefer-offline', '--no-audit', '--no-fund', '--save-exact', tarball, ...pinned, ...versions],
    { cwd: folder }
  )
  for (const name of ['libp2p', '@libp2p/interface']) {
    const count = copies(folder, name)
    if (count !== 1) throw new Error(`${count} copies of ${name}`)
  }
  writeFileSync(join(folder, 'tsconfig.json'), JSON.stringify({ compilerOptions: TYPES, include: ['source'] }))
  if (!existsSync(join(folder, 'source', 'embed.ts'))) throw new Error('there is nothing to compile')
  await run(join(folder, 'node_modules', '.bin', 'tsc'), ['-p', '.'], { cwd: folder })
  await scenario(folder, process.execPath)
  return `one copy, and its types fit (${pinned.slice(0, 2).join(', ')})`
})
process.exitCode = failed ? 1 : 0
