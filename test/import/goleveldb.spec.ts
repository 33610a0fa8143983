import assert from 'node:assert/strict'
import { execFileSync, spawn } from 'node:child_process'
import { once } from 'node:events'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { type TestContext, test } from 'node:test'
import type { Envelope } from '../../src/wire/envelope/envelope.js'
import { runHere } from '../cli/in-process.js'
import { newDataDir } from '../cli/processes.js'
import { repositoryRoot } from '../helpers/repository.js'
import { tempDir } from '../node/temp-dir.js'
import type { LegacyForm } from '../transfer/legacy-level.js'
import { recentEnvelopes } from '../transfer/recent.js'

/** Builds the program that writes as the legacy mailservers do; it needs Go. */
function build(): string {
  const script = join(repositoryRoot, 'test', 'interop', 'go', 'build.sh')
  const folder = join(repositoryRoot, 'build', 'interop')
  execFileSync('sh', [script, folder, 'leveldb'], { stdio: ['ignore', 'ignore', 'inherit'] })
  return join(folder, 'interop-leveldb')
}

/** A database that the program has open: all is written, and the last of it is in its log. */
async function write(
  t: TestContext,
  program: string,
  form: LegacyForm,
  envelopes: readonly Envelope[],
  folder: string
) {
  const file = `${folder}.envelopes`
  writeFileSync(file, Buffer.concat(envelopes.map(({ raw }) => raw)))
  const child = spawn(program, [form, folder, file], { stdio: ['pipe', 'pipe', 'inherit'] })
  t.after(() => child.kill('SIGKILL'))
  await once(child.stdout, 'data', { signal: AbortSignal.timeout(60_000) })
  const exit = once(child, 'exit')
  return {
    pid: child.pid,
    async stop() {
      child.stdin.end()
      await exit
    },
    async kill() {
      child.kill('SIGKILL')
      await exit
    }
  }
}

for (const form of ['status-go', 'go-ethereum'] as const) {
  test(`what goleveldb wrote for ${form} is refused while it has it open, and imported whole after its end or its crash`, async t => {
    const cwd = tempDir(t)
    const program = build()
    const envelopes = recentEnvelopes(30_000, { payload: 400 })
    const mail = (...args: string[]) => runHere(args, { WAKU_MAILSERVER_DATA_DIR: join(cwd, 'waku-data') })
    await newDataDir(join(cwd, 'waku-data'))
    for (const [name, end, from, to] of [
      ['stopped', 'stop', 0, 15_000],
      ['crashed', 'kill', 15_000, 30_000]
    ] as const) {
      const folder = join(cwd, name)
      const writer = await write(t, program, form, envelopes.slice(from, to), folder)
      const used = await mail('import', folder)
      assert.equal(used.code, 1)
      assert.match(used.stderr, new RegExp(`process ${writer.pid} has .* open: stop that mailserver first`))
      await writer[end]()
      const { code, stdout, stderr } = await mail('import', folder, '--json')
      assert.equal(code, 0, stderr)
      const { summary } = JSON.parse(stdout)
      assert.deepEqual([summary.stored, summary.known, summary.damaged, summary.skipped], [to - from, 0, 0, 0], name)
      // and it still opens what it wrote, with nothing changed: a second program writes the same once more
      await (await write(t, program, form, envelopes.slice(from, to), folder)).stop()
    }
    const { stdout } = await mail('export', '--form', 'json', '--no-compress')
    const hashes = [...stdout.matchAll(/"hash":"0x(\w+)"/g)].map(([, hash]) => hash)
    assert.deepEqual(
      hashes,
      envelopes.map(({ hashHex }) => hashHex)
    )
  })
}
