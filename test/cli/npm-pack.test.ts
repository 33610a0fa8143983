import assert from 'node:assert/strict'
import { type ChildProcess, spawn } from 'node:child_process'
import { cpSync, existsSync, readdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { type TestContext, test } from 'node:test'
import { fileURLToPath } from 'node:url'
import { tempDir } from '../node/temp-dir.js'
import { packageRoot } from './package-root.js'
import { cleanEnv, type Ended, ended } from './processes.js'

function command(t: TestContext, cwd: string, name: string, ...args: string[]): Promise<Ended> {
  const child: ChildProcess = spawn(name, args, { cwd, env: cleanEnv(), stdio: ['ignore', 'pipe', 'pipe'] })
  t.after(() => child.kill('SIGKILL'))
  return ended(child)
}

/** What the package is made of, with this build as its dist. */
function stage(t: TestContext): string {
  const folder = tempDir(t)
  const root = packageRoot()
  for (const name of ['package.json', 'README.md', 'LICENSE-MIT', 'LICENSE-APACHE', 'src', 'protocols', 'test']) {
    if (existsSync(join(root, name))) cpSync(join(root, name), join(folder, name), { recursive: true })
  }
  cpSync(fileURLToPath(new URL('../../src', import.meta.url)), join(folder, 'dist', 'src'), { recursive: true })
  return folder
}

test('the packed package installs into an empty project and works there', async t => {
  const staged = stage(t)
  const packed = await command(t, staged, 'npm', 'pack', '--ignore-scripts', '--json')
  assert.equal(packed.code, 0, packed.stderr)
  const [{ filename, files }] = JSON.parse(packed.stdout) as [{ filename: string; files: Array<{ path: string }> }]
  const paths = files.map(({ path }) => path)
  assert.ok(paths.includes('dist/src/cli/main.js') && paths.includes('LICENSE-MIT'))
  assert.ok(!paths.some(path => /^(dist\/)?(test|scripts|build)\//.test(path)), 'only what users need')

  const cwd = tempDir(t)
  writeFileSync(
    join(cwd, 'package.json'),
    JSON.stringify({ name: 'empty', version: '1.0.0', private: true, type: 'module' })
  )
  const tarball = join(staged, filename)
  const installed = await command(t, cwd, 'npm', 'install', tarball, '--prefer-offline', '--no-audit', '--no-fund')
  assert.equal(installed.code, 0, installed.stderr)

  const program = await command(
    t,
    cwd,
    join('node_modules', '.bin', 'waku-mailserver'),
    'start',
    '--self-check',
    '--once'
  )
  assert.equal(program.code, 0, program.stderr)
  assert.match(program.stdout, /delivered 3 after their TTL, completion ok/)

  writeFileSync(
    join(cwd, 'use.js'),
    `import { mailclient, mailserver, waku, topicFromName } from 'waku-mailserver'
     import { openDatabase } from 'waku-mailserver/node'
     const { archive, close } = await openDatabase('db')
     console.log([mailclient, mailserver, waku].every(f => typeof f() === 'function'), topicFromName('x').length, (await archive.stats()).envelopes)
     await close()`
  )
  const used = await command(t, cwd, process.execPath, 'use.js')
  assert.equal(used.stdout.trim(), 'true 4 0', used.stderr)
  assert.ok(readdirSync(join(cwd, 'db')).length > 0)
})
