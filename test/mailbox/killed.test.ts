import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { test } from 'node:test'
import { fileURLToPath } from 'node:url'
import { isMessage, letters, mailhost, NEWS, reader, untilCaughtUp } from './nodes.js'

const APP = fileURLToPath(new URL('killed-app.js', import.meta.url))

/** Runs the application until a line comes, or to its end; killed without a word then. */
async function runUntil(args: readonly string[], last: (line: string) => boolean): Promise<string[]> {
  const child = spawn(process.execPath, [APP, ...args], { stdio: ['ignore', 'pipe', 'inherit'] })
  const lines: string[] = []
  for await (const line of createInterface({ input: child.stdout })) {
    lines.push(line)
    if (last(line)) child.kill('SIGKILL')
  }
  return lines
}

const those = (lines: readonly string[], what: string): string[] =>
  lines.filter(line => line.startsWith(`${what} `)).map(line => line.slice(what.length + 1))

test('an application that is killed in the middle of writing, sending and reading loses no letter that was kept, which others are shown once, and shows again only what it was about to write down', async t => {
  const server = await mailhost(t)
  await server.archive.append(letters(300))
  const directory = await mkdtemp(join(tmpdir(), 'mailbox-'))
  t.after(() => rm(directory, { recursive: true, force: true }))
  const runs: string[][] = []
  // in the middle of what was there, of a letter that was kept, of one that was confirmed, and of what is left, where something is
  const kills: ((line: string) => boolean)[] = [
    line => line === 'shown 60',
    line => line === 'kept 1-3',
    line => line.startsWith('confirmed 2-'),
    line => line === 'shown 240' || line.startsWith('seam ')
  ]
  for (const [run, kill] of kills.entries()) {
    runs.push(await runUntil([directory, String(server.address), `${run}`, '5'], kill))
  }
  runs.push(await runUntil([directory, String(server.address), 'last', '0'], () => false))
  assert.equal(runs.at(-1)?.at(-1), 'over')
  const all = runs.flat()
  const other = await reader(t, [server])
  const { items } = await untilCaughtUp(other.mailbox.messages(NEWS))
  const there = items.filter(isMessage).map(({ text }) => text)
  assert.equal(new Set(there).size, there.length, 'each letter is shown once')
  for (const text of [...those(all, 'kept'), ...those(all, 'confirmed')])
    assert.ok(there.includes(text), `${text} was kept`)
  const shown = those(all, 'shown')
  assert.deepEqual([...new Set(shown)].sort(), [...there].sort(), 'all was shown')
  // by one run none twice; by the next at most what the killed one had not written yet
  for (const run of runs) assert.equal(new Set(those(run, 'shown')).size, those(run, 'shown').length)
  const again = shown.length - new Set(shown).size
  assert.ok(again < 150, `${again} were shown again after ${kills.length} kills`)
})
