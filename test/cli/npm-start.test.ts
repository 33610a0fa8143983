import assert from 'node:assert/strict'
import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { copyFileSync, existsSync, readdirSync, readFileSync, symlinkSync } from 'node:fs'
import { join } from 'node:path'
import { type TestContext, test } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { tempDir } from '../node/temp-dir.js'
import { packageRoot } from './package-root.js'
import { alive, cleanEnv, ended, fileThere, portOpen, run } from './processes.js'

const BUILT = fileURLToPath(new URL('../..', import.meta.url))
const PASSED = 'self-check: posted 3, archived 3, delivered 3 after their TTL, completion ok'

/** A folder with our package.json and this build, so that the very scripts that users call are run. */
function checkout(t: TestContext): string {
  const cwd = tempDir(t)
  copyFileSync(join(packageRoot(), 'package.json'), join(cwd, 'package.json'))
  symlinkSync(BUILT, join(cwd, 'dist'))
  return cwd
}

/** `npm start`, without building again. */
function npmStart(t: TestContext, cwd: string, args: string[], env: Record<string, string> = {}): ChildProcess {
  const child = spawn('npm', ['start', '--ignore-scripts', ...args], {
    cwd,
    env: cleanEnv(env),
    stdio: ['ignore', 'pipe', 'pipe']
  })
  t.after(() => child.kill('SIGKILL'))
  return child
}

async function gone(pid: number): Promise<void> {
  const end = Date.now() + 30_000
  // a process that is not our child tells nobody when it ends
  while (alive(pid) && Date.now() < end) await sleep(20)
  assert.ok(!alive(pid), 'the node runs on without npm')
}

for (const signal of ['SIGTERM', 'SIGINT', 'SIGKILL'] as const) {
  test(`${signal} to npm start stops the node, and leaves no orphan that holds port or data dir`, async t => {
    const cwd = checkout(t)
    const ready = join(cwd, 'ready.json')
    const npm = npmStart(t, cwd, [], {
      WAKU_MAILSERVER_LISTEN: '/ip4/127.0.0.1/tcp/0',
      WAKU_MAILSERVER_READY_FILE: ready
    })
    const exit = once(npm, 'exit')
    const output = ended(npm)
    await fileThere(ready)
    const { pid, multiaddrs } = JSON.parse(readFileSync(ready, 'utf8'))
    t.after(() => alive(pid) && process.kill(pid, 'SIGKILL'))
    const port = Number(multiaddrs[0].split('/')[4])
    assert.notEqual(pid, npm.pid)
    assert.ok(await portOpen(port))

    npm.kill(signal)
    await exit
    await gone(pid)
    assert.equal(await portOpen(port), false)
    assert.ok(!existsSync(ready))
    const { stdout, code } = await output
    assert.ok(stdout.includes(PASSED), stdout)
    assert.ok(stdout.indexOf(PASSED) < stdout.indexOf(`listening: ${multiaddrs[0]}`), 'the self-check comes first')
    assert.ok(stdout.includes(`password: in ${join(cwd, 'waku-data', 'password')}`), stdout)
    if (signal === 'SIGTERM') assert.equal(code, 0)
    assert.equal((await run(t, ['stats'], { cwd })).code, 0, 'the data dir is free')
  })
}

test('npm start -- --once stops after the self-check with 0, and leaves nothing behind', async t => {
  const cwd = checkout(t)
  const temp = tempDir(t)
  const { code, stdout, stderr } = await ended(npmStart(t, cwd, ['--', '--once'], { TMPDIR: temp }))
  assert.equal(code, 0, stderr)
  assert.ok(stdout.includes(PASSED), stdout)
  assert.ok(!stdout.includes('listening'))
  assert.ok(!existsSync(join(cwd, 'waku-data')))
  assert.deepEqual(
    readdirSync(temp).filter(name => name.startsWith('waku')),
    []
  )
})

test('a self-check that fails says what failed, with exit code 1 and no node', async t => {
  const cwd = tempDir(t)
  const env = { TMPDIR: join(cwd, 'none') }
  for (const args of [['--once'], ['--listen', '/ip4/127.0.0.1/tcp/0']]) {
    const { code, stdout, stderr } = await run(t, ['start', '--self-check', ...args], { cwd, env })
    assert.equal(code, 1)
    assert.match(stderr, /^self-check: failed: .*ENOENT/)
    assert.equal(stdout, '')
  }
})
