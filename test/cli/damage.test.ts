import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { watch } from 'node:fs'
import { readFile, stat, writeFile } from 'node:fs/promises'
import { basename, join } from 'node:path'
import { type TestContext, test } from 'node:test'
import { ClassicLevel } from 'classic-level'
import { LEVEL_OPTIONS } from '../../src/archive/database/database.js'
import * as layout from '../../src/archive/level/level-layout.js'
import { copyOf, databaseInTables, flip, largest } from '../archive/damage.js'
import { envelopeAt } from '../archive/traffic.js'
import { tempDir } from '../node/temp-dir.js'
import { CLI, cleanEnv, newDataDir, type RunningNode, run, startNode } from './processes.js'

const COUNT = 40
/** What the posted text looks like is not known on disk; a file of tables is mostly rows. */
const SIZE = 600

/** A node that was killed after it confirmed some envelopes. */
async function killed(t: TestContext) {
  const cwd = tempDir(t)
  const database = join(cwd, 'waku-data', 'database')
  const node = await startNode(t, cwd, ['--no-devp2p'])
  const what = ['--topic', 'news', '--payload', 'x'.repeat(SIZE), '--count', String(COUNT)]
  assert.equal((await run(t, ['post', '--to', node.address, ...what], { cwd })).code, 0)
  await node.stop('SIGKILL')
  const command = (...args: string[]) => run(t, args, { cwd })
  const request = (server: string) =>
    command(
      'request',
      '--server',
      server,
      '--password-file',
      'waku-data/password',
      '--trust',
      '--topics',
      'news',
      '--json'
    )
  return { cwd, database, command, request }
}

/** Resolves when a node printed something. */
async function printed({ child, output }: RunningNode, text: RegExp): Promise<void> {
  const streams = [child.stdout, child.stderr].filter(stream => stream !== null)
  while (!text.test(output()))
    await Promise.race(streams.map(stream => once(stream, 'data', { signal: AbortSignal.timeout(30_000) })))
}

/** Where the row of the ninth envelope is in the largest table. */
async function ninthRow(database: string): Promise<{ table: string; row: number }> {
  const table = await largest(database, '.ldb')
  const bytes = await readFile(table)
  // the table of the envelopes comes first, and its rows begin so: 3(1), then the number of the order of ingest
  const row = bytes.indexOf(Uint8Array.of(3, 0, 0, 0, 0, 0, 0, 9))
  assert.ok(row > 0)
  return { table, row }
}

test('bits that change in a table while a node runs: the rest is delivered, everybody is told, and repair mends it', async t => {
  const { cwd, database, command, request } = await killed(t)
  // what its log held lies in a table once it was opened again
  await (await startNode(t, cwd, ['--no-devp2p'])).stop('SIGKILL')
  const node = await startNode(t, cwd, ['--no-devp2p'])
  const { table, row } = await ninthRow(database)
  // the look at all files that comes with a start is over
  assert.equal((await command('verify')).code, 0)
  await flip(table, [row + 200, row + 201, row + 230])

  const answered = await request(node.address)
  const rows = answered.json().filter(line => 'hash' in line)
  assert.equal(rows.length, COUNT - 1)
  assert.equal(answered.code, 1)
  assert.match(answered.stdout + answered.stderr, /damaged/)
  assert.match(node.output(), /waku-mailserver: .*damaged.*verify/)
  assert.match((await command('stats')).stdout, /damaged/)

  // what was met has the files looked through at once: what cannot be put right is left out for good, and said to be lost
  await printed(node, /lost: 1 stored envelope, damaged on the disk/)
  const live = await command('verify')
  assert.equal(live.code, 0, live.stdout)
  assert.match(live.stdout, /--since \d+ --until \d+/)
  const again = await request(node.address)
  assert.match(again.stdout + again.stderr, /lost or unreadable|damaged/)
  const cutoff = await command('prune', '--before', '2020-01-01', '--json')
  assert.deepEqual([cutoff.code, cutoff.json()[0]?.pruned], [0, 0])

  const repaired = await command('repair')
  assert.equal(repaired.code, 0)
  assert.match(repaired.stdout, /--since \d+ --until \d+/)
  const sound = await command('verify', '--json')
  assert.equal(sound.code, 0, sound.stdout)
  assert.equal(sound.json()[0]?.envelopes, rows.length)
  await node.stop()
  assert.equal((await command('verify')).code, 0, 'stopped too')
})

test('bits that changed in a table of a stopped node: one is put right, more are said to be lost', async t => {
  const { cwd, database, command, request } = await killed(t)
  await (await startNode(t, cwd, ['--no-devp2p'])).stop()
  await (await startNode(t, cwd, ['--no-devp2p'])).stop()
  const { table, row } = await ninthRow(database)
  await flip(table, row + 200)
  const sound = await command('verify', '--json')
  assert.equal(sound.json()[0]?.restored, 1)
  assert.deepEqual([sound.code, sound.json()[0]?.envelopes], [0, COUNT])
  const again = await ninthRow(database)
  await flip(again.table, [again.row + 200, again.row + 201, again.row + 230])
  const node = await startNode(t, cwd, ['--no-devp2p'])
  assert.equal((await command('verify')).code, 0, 'it was repaired soon after the start')
  assert.match(node.output(), /lost: 1 stored envelope, damaged on the disk/)
  const answered = await request(node.address)
  assert.equal(answered.json().filter(line => 'hash' in line).length, COUNT - 1)
  assert.match(answered.stdout + answered.stderr, /lost or unreadable|damaged/)
  assert.match(
    (await command('doctor')).stdout,
    /^warning +damage +1 stored envelope or more lost, damaged on the disk/m
  )
  await node.stop()
})

test('a command that opens a stopped archive says what it left out and how to fetch it again; verify fails then, once', async t => {
  const cwd = tempDir(t)
  const dir = join(cwd, 'kept')
  await newDataDir(dir)
  const envelopes = Array.from({ length: 3000 }, (_, i) =>
    envelopeAt(1_790_000_000 + i * 60, Uint8Array.of(1, 2, 3, i & 15), new Uint8Array(300).fill(i))
  )
  await databaseInTables(join(dir, 'database'), [envelopes])
  const sound = await copyOf(dir, 'sound')
  const table = await largest(join(dir, 'database'), '.ldb')
  const bytes = await readFile(table)
  await writeFile(table, bytes.fill(0x55, 200_000, 209_000))
  const command = async (name: string, ...args: string[]) =>
    run(t, [...args, '--data-dir', await copyOf(dir, name)], { cwd })
  const times = '"waku-mailserver backfill --since \\d+ --until \\d+" may fetch it again from another mailserver'
  const said = new RegExp(`^waku-mailserver: lost: (\\d+) stored envelopes, damaged on the disk: ${times}$`, 'm')

  const backup = await command('backup', 'backup', '--output', join(cwd, 'backup'))
  const lost = Number(said.exec(backup.stderr)?.[1])
  assert.ok(lost > 10 && lost < 60, backup.stderr)
  assert.equal(backup.code, 0)
  assert.match(
    backup.stdout,
    new RegExp(`${3000 - lost} envelopes, .*; lost since .*: ${lost} or more, damaged on the disk`)
  )
  const exported = await command('export', 'export', '--output', join(cwd, 'export'), '--json')
  const [written] = exported.json() as unknown as [{ summary: { lost?: number } }]
  assert.equal(written.summary.lost, lost)

  const verify = await command('verify', 'verify')
  assert.equal(verify.code, 1, verify.stdout)
  assert.match(verify.stdout, new RegExp(`^${lost} envelopes lost with parts that were left out$`, 'm'))
  assert.match(verify.stderr, said)
  assert.equal((await run(t, ['verify', '--data-dir', `${dir}-verify`], { cwd })).code, 0, 'it is sound from then on')
  const doctor = await command('doctor', 'doctor')
  assert.match(doctor.stdout, new RegExp(`^warning +damage +${lost} stored envelopes or more lost`, 'm'))
  assert.match(doctor.stderr, said)

  await flip(join(sound, 'database', basename(table)), 200_000)
  const mended = await run(t, ['stats', '--data-dir', sound], { cwd })
  assert.equal(mended.stderr, "waku-mailserver: put right in the database's tables: 1 damaged part\n")
})

test('bytes that changed in the log of a killed node: what they lost is told at start and in the answer', async t => {
  const { cwd, database, command, request } = await killed(t)
  const log = await largest(database, '.log')
  const middle = Math.floor((await readFile(log)).length / 2)
  await flip(log, [middle, middle + 1, middle + 9])
  const node = await startNode(t, cwd, ['--no-devp2p'])
  assert.match(node.output(), /lost: \d+ stored envelopes?/)
  const answered = await request(node.address)
  assert.ok(answered.json().filter(line => 'hash' in line).length < COUNT)
  assert.match(answered.stdout + answered.stderr, /damaged/)
  assert.equal((await command('verify')).code, 0, 'it was repaired at start')
  await node.stop()
})

test('a damaged manifest: start says what to do, and repair saves what there is', async t => {
  const { cwd, database, command } = await killed(t)
  const manifest = await largest(database, /^MANIFEST/)
  await writeFile(manifest, (await readFile(manifest)).fill(0x55))
  const refused = await command('start', '--listen', '/ip4/127.0.0.1/tcp/0', '--no-devp2p')
  assert.notEqual(refused.code, 0)
  assert.match(refused.stderr, /"waku-mailserver repair" may mend it/)
  assert.equal((await command('repair')).code, 0)
  const sound = await command('verify', '--json')
  assert.deepEqual([sound.code, sound.json()[0]?.envelopes], [0, COUNT])
  await (await startNode(t, cwd, ['--no-devp2p'])).stop()
})

test('a repair that is killed midway and begun again leaves a right archive', async t => {
  const cwd = tempDir(t)
  const node = await startNode(t, cwd, ['--no-devp2p'])
  await node.stop()
  const database = join(cwd, 'waku-data', 'database')
  const envelopes = Array.from({ length: 6000 }, (_, i) =>
    envelopeAt(1_790_000_000 + i * 60, Uint8Array.of(1, 2, 3, i & 15), Uint8Array.of(i >> 8, i))
  )
  await databaseInTables(database, [envelopes.slice(0, 3000), envelopes.slice(3000)])
  const level = new ClassicLevel<Uint8Array, Uint8Array>(database, LEVEL_OPTIONS)
  // every hundredth row is missing, and all of the order of ingest, so that each gets a new number
  for (const { sent, hash, topicNumber } of envelopes.filter((_, i) => i % 100 === 0))
    await level.del(layout.envelopeKey({ sent, hash, topic: topicNumber }))
  const { gte, lt } = layout.runsFrom(0)
  await level.clear({ gte, lt })
  await level.close()

  let killed = 0
  for (const written of [1, 60_000, 150_000]) {
    const child = spawn(process.execPath, [CLI, 'repair'], { cwd, env: cleanEnv(), stdio: 'ignore' })
    const exit = once(child, 'exit')
    // what it writes goes into the log that it begins
    const changes = watch(database, async () => {
      const { size } = await largest(database, '.log')
        .then(stat)
        .catch(() => ({ size: 0 })) // another takes its place
      if (size >= written) child.kill('SIGKILL')
    })
    const [, signal] = await exit
    changes.close()
    if (signal === 'SIGKILL') killed++
  }
  assert.ok(killed > 1, `${killed} of 3 were killed`)
  const repaired = await run(t, ['repair', '--json'], { cwd })
  assert.equal(repaired.code, 0, repaired.stderr)
  const sound = await run(t, ['verify', '--json'], { cwd })
  assert.equal(sound.code, 0, sound.stdout)
  const [report] = sound.json()
  assert.deepEqual([report?.envelopes, report?.index, report?.countsWrong], [5940, 0, false])
})
