import assert from 'node:assert/strict'
import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { openDatabase } from '../../src/archive/database/database.js'
import { flip, largest } from '../archive/damage.js'
import { envelopeAt } from '../archive/traffic.js'
import { tempDir } from '../node/temp-dir.js'
import { assertKept, CLI, cleanEnv, ended, fileThere, newDataDir, run, startNode } from './processes.js'
import { SmallDisk } from './small-disk.js'

/** Blocks of 512 bytes, or of 1024 where the shell counts so. */
const FILE_BLOCKS = 1024

test('when the disk takes no more the poster is told, the operator too, and nothing that was confirmed is lost', async t => {
  const cwd = tempDir(t)
  const ready = join(cwd, 'limited.json')
  const start = ['start', '--listen', '/ip4/127.0.0.1/tcp/0', '--no-devp2p', '--ready-file', ready]
  // a limit on the size of a file is as good as a full disk, and needs no other rights
  const shell = ['-c', `ulimit -f ${FILE_BLOCKS}; exec "$0" "$@"`, process.execPath, CLI, ...start]
  const child = spawn('sh', shell, { cwd, env: cleanEnv(), stdio: ['ignore', 'ignore', 'pipe'] })
  t.after(() => child.kill('SIGKILL'))
  let stderr = ''
  child.stderr.setEncoding('utf8').on('data', text => {
    stderr += text
  })
  await fileThere(ready)
  const address = JSON.parse(readFileSync(ready, 'utf8')).multiaddrs[0] as string
  const payload = 'x'.repeat(40_000)
  const post = ['post', '--to', address, '--topic', 'full', '--payload', payload, '--count', '60', '--json']
  const posted = await run(t, post, { cwd })
  assert.equal(posted.code, 1)
  const confirmed = posted.json().filter(line => line.confirmed === true)
  assert.ok(confirmed.length > 0 && confirmed.length < 60, `${confirmed.length} confirmed`)
  assert.match(stderr, /^waku-mailserver: envelopes cannot be stored and are refused: .*File too large/m)
  assert.equal(stderr.match(/cannot be stored/g)?.length, 1, 'said once')
  const limited = join(cwd, 'waku-data', 'password')
  const read = ['request', '--server', address, '--topics', 'full', '--password-file', limited, '--trust', '--json']
  const answered = await run(t, read, { cwd })
  assert.equal(answered.code, 0, `reading never depends on a write: ${answered.stderr}`)
  assert.equal(answered.json().filter(line => 'hash' in line).length, confirmed.length)
  child.kill('SIGTERM')
  await once(child, 'exit')

  const { address: server } = await startNode(t, cwd)
  await assertKept(t, server, { confirmed, topic: 'full', cwd })
})

test('on a full disk everything can be read and pruned, and with room again storing goes on without a restart', async t => {
  // a file system of its own is not to be had everywhere, and the limit of the test above is none of the disk
  if (!SmallDisk.possible) return t.skip('nothing may be mounted here')
  const cwd = tempDir(t)
  const disk = await SmallDisk.mount(t, cwd, 64)
  const payload = join(cwd, 'payload')
  writeFileSync(payload, 'x'.repeat(100_000))
  const key = join(cwd, 'key')
  writeFileSync(key, '11'.repeat(32))
  let confirmed: Array<Record<string, unknown>> = []
  let address = ''
  const start = async () => {
    const ready = join(disk.path, 'ready.json')
    rmSync(ready, { force: true })
    const args = ['start', '--listen', '/ip4/127.0.0.1/tcp/0', '--no-devp2p', '--ready-file', 'ready.json']
    const child = disk.launch(t, args)
    const said = new Said(child)
    await Promise.race([fileThere(ready), said.ended.then(() => Promise.reject(new Error(said.text)))])
    address = JSON.parse(readFileSync(ready, 'utf8')).multiaddrs[0]
    return { child, said }
  }
  const post = async (count: number) => {
    const what = ['--topic', 'full', '--payload-file', payload, '--count', String(count)]
    const posted = await run(t, ['post', '--to', address, ...what, '--json'], { cwd })
    const taken = posted.json().filter(line => line.confirmed === true)
    confirmed.push(...taken)
    return { code: posted.code, taken: taken.length }
  }
  const read = async () => {
    const password = join(disk.path, 'waku-data/password')
    const args = ['request', '--server', address, '--topics', 'full', '--password-file', password, '--trust', '--json']
    const { code, stderr, json } = await run(t, args, { cwd })
    assert.equal(code, 0, stderr)
    const hashes = new Set(json().map(({ hash }) => hash))
    for (const { hash } of confirmed) assert.ok(hashes.has(hash), `${hash} was confirmed`)
    return hashes.size
  }
  const command = (...args: string[]) => ended(disk.launch(t, args))
  const prune = async () => {
    const before = String(Math.floor(Date.now() / 1000))
    const pruned = await command('prune', '--before', before, '--json')
    assert.equal(pruned.code, 0, pruned.stderr)
    confirmed = confirmed.filter(({ sent }) => Number(sent) >= Number(before))
    return pruned.json()[0]?.pruned as number
  }

  const { child, said } = await start()
  assert.deepEqual(await post(40), { code: 0, taken: 40 })
  disk.fill()
  assert.equal((await post(20)).code, 1)
  await said.line(/envelopes cannot be stored and are refused: .*No space left.*storing goes on by itself/)
  await read()
  const added = await command('keys', 'add', 'other', '--key-file', key)
  assert.notEqual(added.code, 0, 'nor can a key')
  assert.match(added.stderr, /^waku-mailserver: IO error: .*No space left on device.*; make room, which .*prune/)

  disk.free()
  await said.line(/envelopes are stored again/)
  assert.deepEqual(await post(5), { code: 0, taken: 5 })
  assert.equal((await command('keys', 'add', 'other', '--key-file', key)).code, 0)
  assert.equal((await command('prune', '--before', '2020-01-01')).code, 0)
  await read()

  disk.fill()
  assert.equal((await post(20)).code, 1)
  await said.line(/cannot be stored/)
  assert.ok((await prune()) >= 40)
  await said.line(/envelopes are stored again/)
  assert.deepEqual(await post(30), { code: 0, taken: 30 })
  await read()

  // a node that is not running can be pruned too, and one that starts says what it cannot do
  disk.fill()
  assert.equal((await post(20)).code, 1)
  child.kill('SIGKILL')
  await said.ended
  const again = await start()
  await read()
  assert.equal((await post(1)).code, 1)
  await again.said.line(/cannot be stored/)
  again.child.kill('SIGKILL')
  await again.said.ended
  assert.ok((await prune()) >= 30)
  await start()
  assert.deepEqual(await post(5), { code: 0, taken: 5 })
  await read()
})

test('an import that fills the disk says that it goes on when there is room, and does', async t => {
  if (!SmallDisk.possible) return t.skip('nothing may be mounted here')
  const cwd = tempDir(t)
  const source = join(cwd, 'source')
  await newDataDir(source)
  const first = Math.floor(Date.now() / 1000) - 86_400
  const envelopes = Array.from({ length: 300 }, (_, i) =>
    envelopeAt(first + i * 60, Uint8Array.of(1, 2, 3, 4), new Uint8Array(100_000).fill(i))
  )
  const { archive, close } = await openDatabase(join(source, 'database'), { check: false })
  await archive.append(envelopes)
  await close()
  const file = join(cwd, 'exported')
  assert.equal((await run(t, ['export', '--output', file, '--data-dir', source], { cwd })).code, 0)

  const disk = await SmallDisk.mount(t, cwd, 64)
  await newDataDir(join(disk.path, 'waku-data'))
  const filler = join(disk.path, 'filler')
  writeFileSync(filler, new Uint8Array(30 << 20))
  const full = await ended(disk.launch(t, ['import', file]))
  assert.equal(full.code, 1, full.stdout)
  assert.match(
    full.stderr,
    /^waku-mailserver: \d+ new envelopes? kept; run it again when there is room, and it goes on$/m
  )
  rmSync(filler)
  const { code, stderr } = await ended(disk.launch(t, ['import', file]))
  assert.equal(code, 0, stderr)
  assert.match((await ended(disk.launch(t, ['stats']))).stdout, /^archive +300 envelopes /m)
})

test('on a full disk a damaged archive opens for reading, is repaired with what was kept back, and pruned straight after', async t => {
  if (!SmallDisk.possible) return t.skip('nothing may be mounted here')
  const cwd = tempDir(t)
  const disk = await SmallDisk.mount(t, cwd, 64)
  const payload = join(cwd, 'payload')
  writeFileSync(payload, 'x'.repeat(100_000))
  const database = join(disk.path, 'waku-data', 'database')
  const ready = join(disk.path, 'ready.json')
  const start = async () => {
    rmSync(ready, { force: true })
    const args = ['start', '--listen', '/ip4/127.0.0.1/tcp/0', '--no-devp2p', '--ready-file', 'ready.json']
    const child = disk.launch(t, args)
    const said = new Said(child)
    await Promise.race([fileThere(ready), said.ended.then(() => Promise.reject(new Error(said.text)))])
    return { child, said, address: JSON.parse(readFileSync(ready, 'utf8')).multiaddrs[0] as string }
  }
  const end = async ({ child, said }: { child: ChildProcess; said: Said }, signal: NodeJS.Signals) => {
    child.kill(signal)
    await said.ended
  }
  const post = async (to: string, count: number) => {
    const what = ['--topic', 'full', '--payload-file', payload, '--count', String(count)]
    const { json } = await run(t, ['post', '--to', to, ...what, '--json'], { cwd })
    return json().filter(line => line.confirmed === true).length
  }
  const read = async (server: string) => {
    const password = join(disk.path, 'waku-data/password')
    const args = ['request', '--server', server, '--topics', 'full', '--password-file', password, '--trust', '--json']
    return (await run(t, args, { cwd })).json().filter(line => 'hash' in line).length
  }
  const command = (...args: string[]) => ended(disk.launch(t, [...args, '--json']))
  const spoil = async (file: string) => {
    const middle = readFileSync(file).length >> 1
    await flip(file, [middle, middle + 1, middle + 9])
  }

  const first = await start()
  assert.equal(await post(first.address, 60), 60)
  await end(first, 'SIGKILL')
  await end(await start(), 'SIGTERM')
  const running = await start()
  assert.equal((await command('verify')).code, 0)
  disk.fill()
  assert.equal(await post(running.address, 20), 0)
  await spoil(await largest(database, '.ldb'))
  const repaired = await command('repair')
  assert.equal(repaired.code, 0, repaired.stderr)
  assert.equal((await command('verify')).code, 0)
  const kept = await read(running.address)
  assert.ok(kept >= 50 && kept < 60, `${kept} are left`)
  const before = String(Math.floor(Date.now() / 1000))
  const pruned = await command('prune', '--before', before)
  assert.equal(pruned.code, 0, pruned.stderr)
  assert.equal(pruned.json()[0]?.pruned, kept)
  await running.said.line(/envelopes are stored again/)

  // what is lost of a log has it repaired when it is opened
  const taken = await post(running.address, 40)
  assert.equal(taken, 40)
  disk.fill()
  await end(running, 'SIGKILL')
  await spoil(await largest(database, '.log'))
  const again = await start()
  await again.said.line(/lost: \d+ stored envelopes?/)
  const left = await read(again.address)
  assert.ok(left > 0 && left < 40, `${left} are left`)
  await end(again, 'SIGKILL')
  const offline = await command('repair')
  assert.equal(offline.code, 0, offline.stderr)
  const after = await command('prune', '--before', before)
  assert.equal(after.code, 0, after.stderr)
  const last = await start()
  assert.equal(await read(last.address), left)
})

/** What a program writes to stderr, line by line. */
class Said {
  /** Resolves with its exit code. */
  readonly ended: Promise<unknown>
  text = ''
  #heard = (): void => {}

  constructor(child: ChildProcess) {
    this.ended = once(child, 'exit')
    child.stdout?.resume()
    child.stderr?.setEncoding('utf8').on('data', text => {
      this.text += text
      this.#heard()
    })
  }

  /** Resolves when it has said so, and forgets all up to there. */
  async line(what: RegExp): Promise<void> {
    const signal = AbortSignal.timeout(30_000)
    for (;;) {
      const found = what.exec(this.text)
      if (found !== null) {
        this.text = this.text.slice(found.index + found[0].length)
        return
      }
      await new Promise<void>((resolve, reject) => {
        this.#heard = resolve
        signal.addEventListener('abort', () => reject(new Error(`not said: ${what}; but ${this.text}`)), {
          once: true
        })
      })
    }
  }
}
