import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync, mkdtempSync, readFileSync, rmSync, watch } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'

// The story of the README with real processes: three terminals in one.
const CLI = fileURLToPath(new URL('../src/cli/main.js', import.meta.url))
const TTL = 3
const DEADLINE_MS = 60_000

const folder = mkdtempSync(join(tmpdir(), 'waku-demo-'))
const children = new Set<ChildProcess>()
const signal = AbortSignal.timeout(DEADLINE_MS)

function say(text: string): void {
  process.stdout.write(`${text}\n`)
}

/** Runs a command in the way a person would, and shows what it prints. */
function run(terminal: string, args: string[]): ChildProcess {
  say(`\n[${terminal}] waku-mailserver ${args.map(arg => (/[^\w./:=-]/.test(arg) ? `'${arg}'` : arg)).join(' ')}`)
  const child = spawn(process.execPath, [CLI, ...args], { cwd: folder, stdio: ['ignore', 'pipe', 'pipe'] })
  children.add(child)
  child.on('exit', () => children.delete(child))
  for (const stream of [child.stdout, child.stderr]) {
    stream?.on('data', data => process.stdout.write(String(data).replace(/^(?=.)/gm, `[${terminal}]   `)))
  }
  return child
}

async function finished(child: ChildProcess, wanted: number): Promise<void> {
  const [code] = await once(child, 'close', { signal })
  if (code !== wanted) throw new Error(`expected exit code ${wanted}, got ${code}`)
}

async function fileThere(path: string): Promise<void> {
  const changes = watch(folder)
  try {
    while (!existsSync(path)) await once(changes, 'change', { signal })
  } finally {
    changes.close()
  }
}

async function story(): Promise<void> {
  say('A mailserver starts.')
  const ready = join(folder, 'ready.json')
  const server = run('1', ['start', '--listen', '/ip4/127.0.0.1/tcp/0', '--ready-file', 'ready.json'])
  const died = once(server, 'exit', { signal }).then(() => {
    throw new Error('the mailserver ended')
  })
  died.catch(() => {}) // at the end it is meant to
  await Promise.race([fileThere(ready), died])
  const address: string = JSON.parse(readFileSync(ready, 'utf8')).multiaddrs[0]

  say(`\nSomebody posts a message that lives for ${TTL} seconds, and leaves once the mailserver has it on disk.`)
  const message = 'the bridge is open'
  await finished(run('2', ['post', '--to', address, '--topic', 'news', '--payload', message, '--ttl', `${TTL}s`]), 0)

  say(`\n${TTL + 1} seconds later no node forwards it any more.`)
  await sleep((TTL + 1) * 1000, undefined, { signal })

  const ask = [
    'request',
    '--server',
    address,
    '--topics',
    'news',
    '--since',
    '1h',
    '--password-file',
    'waku-data/password'
  ]
  say(
    '\nSomebody else asks the mailserver without trusting it: refused, since only trusted peers may deliver what expired.'
  )
  await finished(run('3', ask), 1)
  say('\nTrusted for this run, it delivers, and the message is decrypted with the key of the public channel.')
  await finished(run('3', [...ask, '--trust']), 0)

  say('\nSIGTERM ends the mailserver cleanly.')
  server.kill('SIGTERM')
  await finished(server, 0)
}

try {
  await story()
} catch (err) {
  process.stderr.write(`the demo failed: ${(err as Error).message}\n`)
  process.exitCode = 1
} finally {
  for (const child of children) child.kill('SIGKILL')
  rmSync(folder, { recursive: true, force: true, maxRetries: 5 })
}
