import assert from 'node:assert/strict'
import { once } from 'node:events'
import {
  chmodSync,
  chownSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  symlinkSync,
  unlinkSync,
  writeFileSync
} from 'node:fs'
import { connect, createServer, type Socket } from 'node:net'
import { join } from 'node:path'
import { type TestContext, test } from 'node:test'
import '../../src/base/polyfill.js'
import { ControlClient } from '../../src/node/control/control-client.js'
import { claimControlPath, findControlPath, releaseControlPath } from '../../src/node/control/control-path.js'
import { type ControlHandler, ControlServer, type ControlServerInit } from '../../src/node/control/control-server.js'
import { type DataDir, openDataDir } from '../../src/node/data-dir/data-dir.js'
import { tempDir } from './temp-dir.js'

const signal = new AbortController().signal

async function listen(
  t: TestContext,
  handlers: Record<string, ControlHandler>,
  init: Partial<ControlServerInit> = {}
): Promise<{ dir: DataDir; path: string; server: ControlServer }> {
  const dir = await openDataDir(tempDir(t))
  const path = await claimControlPath(dir)
  const server = await ControlServer.listen({ path, handlers, ...init })
  t.after(() => server.close())
  return { dir, path, server }
}

async function client(t: TestContext, dir: DataDir): Promise<ControlClient> {
  const found = await ControlClient.find(dir)
  assert.ok(found !== undefined)
  t.after(() => found.close())
  return found
}

/** All that the server says until it closes. */
async function everything(socket: Socket): Promise<string> {
  let text = ''
  for await (const chunk of socket) text += chunk
  return text
}

test('commands are answered in turn, with results and with named errors', async t => {
  const { dir, path } = await listen(t, {
    double: async n => (n as number) * 2,
    fail: async () => {
      throw Object.assign(new Error('not today'), { name: 'SomeError' })
    }
  })
  assert.equal(statSync(path).mode & 0o777, 0o600)
  const control = await client(t, dir)
  assert.equal(await control.ask('double', 21, { signal }), 42)
  await assert.rejects(control.ask('fail', {}, { signal }), { name: 'SomeError', message: 'not today' })
  await assert.rejects(control.ask('nothing', {}, { signal }), { name: 'ControlError', message: /no such command/ })
  await assert.rejects(control.ask('constructor', {}, { signal }), { name: 'ControlError' })
  assert.equal(await control.ask('double', 4, { signal }), 8, 'the connection lives on')
})

test('two processes never answer to one path; a socket left by a killed one is taken over', async t => {
  const dir = await openDataDir(tempDir(t))
  assert.equal(await ControlClient.find(dir), undefined, 'nobody listens')
  const stale = createServer()
  await new Promise<void>(resolve => stale.listen(dir.controlSocket, resolve))
  // an unlinked file under the same name, with nobody behind it, is what SIGKILL leaves
  const left = join(dir.path, 'left')
  renameSync(dir.controlSocket, left)
  await new Promise(resolve => stale.close(resolve))
  renameSync(left, dir.controlSocket)
  assert.equal(await ControlClient.find(dir), undefined, 'a dead socket is no running node')
  const server = await ControlServer.listen({
    path: await claimControlPath(dir),
    handlers: { ping: async () => 'pong' }
  })
  t.after(() => server.close())
  assert.equal(await (await client(t, dir)).ask('ping', {}, { signal }), 'pong')
})

test('where the path is too long the socket is elsewhere, named in a file, and both go away', async t => {
  const deep = join(tempDir(t), 'd'.repeat(60), 'e'.repeat(60))
  mkdirSync(deep, { recursive: true })
  const dir = await openDataDir(deep)
  const path = await claimControlPath(dir)
  assert.ok(Buffer.byteLength(path) <= 100)
  assert.equal(statSync(join(path, '..')).mode & 0o777, 0o700)
  const server = await ControlServer.listen({ path, handlers: { ping: async () => 'pong' } })
  assert.equal(await findControlPath(dir), path)
  assert.equal(await (await client(t, dir)).ask('ping', {}, { signal }), 'pong')
  await server.close()
  await releaseControlPath(dir)
  assert.ok(!existsSync(join(path, '..')))
  assert.ok(!existsSync(dir.control))
})

/** A data dir whose path is too long for a socket. */
async function deepDir(t: TestContext): Promise<DataDir> {
  return openDataDir(join(tempDir(t), 'd'.repeat(60), 'e'.repeat(60)))
}

test('a temporary directory that is too long or missing is not used, and nothing is left in it', async t => {
  const dir = await deepDir(t)
  const long = join(tempDir(t), 't'.repeat(70))
  mkdirSync(long)
  const before = process.env.TMPDIR
  t.after(() => {
    if (before === undefined) delete process.env.TMPDIR
    else process.env.TMPDIR = before
  })
  for (const tmp of [long, join(long, 'missing')]) {
    process.env.TMPDIR = tmp
    const path = await claimControlPath(dir)
    assert.match(path, /^\/tmp\/waku-mailserver-\w{6}\/control\.sock$/)
    assert.deepEqual(readdirSync(long), [])
    await releaseControlPath(dir)
    assert.ok(!existsSync(join(path, '..')))
  }
})

test('a record that names another place deletes nothing there, and nobody connects', async t => {
  const dir = await deepDir(t)
  const victim = join(tempDir(t), 'victim')
  mkdirSync(victim, { mode: 0o700 })
  writeFileSync(join(victim, 'control.sock'), 'precious')
  const temporary = mkdtempSync('/tmp/waku-mailserver-')
  t.after(() => rmSync(temporary, { recursive: true }))
  const records = [
    join(victim, 'control.sock'),
    `${temporary}/../${victim.slice('/tmp/'.length)}/control.sock`,
    `${temporary}/./control.sock`,
    `${temporary}x/control.sock`,
    'waku-mailserver-abcdef/control.sock'
  ]
  for (const record of records) {
    writeFileSync(dir.control, `${record}\n`)
    await assert.rejects(ControlClient.find(dir), { name: 'ControlError', message: /does not name a control socket/ })
    await releaseControlPath(dir)
    assert.equal(readFileSync(join(victim, 'control.sock'), 'utf8'), 'precious', record)
    assert.ok(existsSync(temporary))
    assert.ok(!existsSync(dir.control), 'the record itself is gone')
  }
})

test('a folder that others may enter, a link to one, and what is no socket are refused before anything is sent', async t => {
  const dir = await deepDir(t)
  const path = await claimControlPath(dir)
  const folder = join(path, '..')
  const server = await ControlServer.listen({ path, handlers: { ping: async () => 'pong' } })
  t.after(() => server.close())
  const refused = { name: 'ControlError', message: /0700/ }
  for (const mode of [0o755, 0o770, 0o701]) {
    chmodSync(folder, mode)
    await assert.rejects(ControlClient.find(dir), refused)
  }
  chmodSync(folder, 0o700)
  assert.equal(await (await client(t, dir)).ask('ping', {}, { signal }), 'pong')
  renameSync(folder, `${folder}.real`)
  symlinkSync(`${folder}.real`, folder)
  await assert.rejects(ControlClient.find(dir), refused)
  unlinkSync(folder)
  renameSync(`${folder}.real`, folder)
  await releaseControlPath(dir)

  const near = await openDataDir(tempDir(t))
  writeFileSync(near.controlSocket, '')
  await assert.rejects(ControlClient.find(near), {
    name: 'ControlError',
    message: /not a socket of the data dir's owner/
  })
})

test('what belongs to another user is not trusted', { skip: process.getuid?.() !== 0 && 'needs root' }, async t => {
  const dir = await deepDir(t)
  const path = await claimControlPath(dir)
  const server = await ControlServer.listen({ path, handlers: {} })
  t.after(() => server.close())
  chownSync(join(path, '..'), 12_345, 12_345)
  await assert.rejects(ControlClient.find(dir), { name: 'ControlError', message: /0700/ })
  chownSync(join(path, '..'), 0, 0)
  chownSync(path, 12_345, 12_345)
  await assert.rejects(ControlClient.find(dir), {
    name: 'ControlError',
    message: /not a socket of the data dir's owner/
  })
  await releaseControlPath(dir)
})

test('a request that is no JSON object is an error, one that is too long ends the connection', async t => {
  const { path } = await listen(t, {}, { maxLine: 100 })
  const socket = connect(path)
  const text = everything(socket)
  socket.write('hello\n[]\n{"command":1}\n')
  socket.write('x'.repeat(101))
  const lines = (await text)
    .trim()
    .split('\n')
    .map(line => JSON.parse(line))
  assert.equal(lines.length, 4)
  for (const line of lines) assert.deepEqual([line.ok, line.error.name], [false, 'ControlError'])
  assert.match(lines[3].error.message, /longer than 100 bytes/)
})

test('silence, and more connections than allowed, are cut off', async t => {
  const { path } = await listen(t, {}, { idleTimeout: 50, maxConnections: 1 })
  const first = connect(path)
  await once(first, 'connect')
  assert.equal(await everything(connect(path)), '', 'the second is refused')
  await once(first, 'close') // by the server, since nothing is said
})

test('closing tells a command under way to stop, and waits for it', async t => {
  let stopped = false
  const started = Promise.withResolvers<void>()
  const { dir, server } = await listen(t, {
    long: (_, { signal }) =>
      new Promise((_resolve, reject) => {
        signal.addEventListener('abort', () => {
          stopped = true
          reject(signal.reason)
        })
        started.resolve()
      })
  })
  const control = await client(t, dir)
  const asked = assert.rejects(control.ask('long', {}, { signal }), { name: 'ControlError' })
  await started.promise
  await server.close()
  assert.ok(stopped)
  await asked
})

test('whoever asks may stop waiting', async t => {
  const { dir } = await listen(t, {
    never: (_, { signal }) => new Promise((_r, no) => signal.addEventListener('abort', no))
  })
  const control = await client(t, dir)
  const reason = new Error('enough')
  const controller = new AbortController()
  const asked = control.ask('never', {}, { signal: controller.signal })
  controller.abort(reason)
  await assert.rejects(asked, reason)
})
