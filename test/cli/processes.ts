import assert from 'node:assert/strict'
import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync, readFileSync, rmSync, watch } from 'node:fs'
import { createConnection } from 'node:net'
import { basename, dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { openDataDir } from '../../src/node/data-dir/data-dir.js'
import { identityOf } from '../../src/node/data-dir/identity.js'
import type { Scope } from '../helpers/scope.js'

/** The program as it was built beside this test. */
export const CLI = fileURLToPath(new URL('../../src/cli/main.js', import.meta.url))

const DEADLINE_MS = 60_000

export interface Ended {
  code: number | null
  stdout: string
  stderr: string
  /** Each line of stdout as JSON. */
  json(): Array<Record<string, unknown>>
}

export interface RunOptions {
  cwd: string
  input?: string | Uint8Array | undefined
  env?: Record<string, string> | undefined
  /** What starts the program, in front of it. */
  through?: readonly string[] | undefined
}

export interface RunningNode {
  child: ChildProcess
  peerId: string
  address: string
  /** Empty when it does not speak devp2p. */
  enode: string
  /** The URL of its admin listener. */
  admin: string
  port: number
  /** What it printed so far. */
  output(): string
  /** Sends a signal and resolves with the exit code. */
  stop(signal?: NodeJS.Signals): Promise<number | null>
}

/** The environment without settings of whoever runs the tests. */
export function cleanEnv(extra: Record<string, string> = {}): Record<string, string | undefined> {
  const own = Object.entries(process.env).filter(
    ([name]) => !/^(WAKU_MAILSERVER_|npm_|NODE_OPTIONS|NODE_TEST|DEBUG$)/.test(name)
  )
  return { ...Object.fromEntries(own), ...extra }
}

export function launch(t: Scope, args: string[], options: RunOptions): ChildProcess {
  const [program = process.execPath, ...rest] = [...(options.through ?? []), process.execPath, CLI, ...args]
  const child = spawn(program, rest, {
    cwd: options.cwd,
    env: cleanEnv(options.env),
    stdio: ['pipe', 'pipe', 'pipe']
  })
  t.after(() => child.kill('SIGKILL'))
  child.stdin?.on('error', () => {}) // a command that does not read its input may close it first
  child.stdin?.end(options.input ?? '')
  return child
}

/** Makes a data dir as the first start of a node does: an identity, and no archive yet. */
export async function newDataDir(path: string): Promise<void> {
  await identityOf(await openDataDir(path))
}

/** Runs a command of the program to its end. */
export async function run(t: Scope, args: string[], options: RunOptions): Promise<Ended> {
  return ended(launch(t, args, options))
}

export async function ended(child: ChildProcess): Promise<Ended> {
  let stdout = ''
  let stderr = ''
  child.stdout?.setEncoding('utf8').on('data', text => {
    stdout += text
  })
  child.stderr?.setEncoding('utf8').on('data', text => {
    stderr += text
  })
  const [code] = await once(child, 'close', { signal: AbortSignal.timeout(DEADLINE_MS) })
  const json = (): Array<Record<string, unknown>> =>
    stdout
      .trim()
      .split('\n')
      .filter(Boolean)
      .map(line => JSON.parse(line))
  return { code, stdout, stderr, json }
}

/** Starts a node on a free port and waits until it serves. Its data dir is `<cwd>/waku-data` unless the arguments say otherwise. */
export async function startNode(
  t: Scope,
  cwd: string,
  args: string[] = [],
  env: Record<string, string> = {}
): Promise<RunningNode> {
  const ready = join(cwd, 'ready.json')
  rmSync(ready, { force: true }) // of a node that was killed
  const listen = args.includes('--listen') ? [] : ['--listen', '/ip4/127.0.0.1/tcp/0']
  const anyPort = (name: string): string[] =>
    args.some(arg => arg === `--no-${name}` || arg === `--${name}-listen`) ? [] : [`--${name}-listen`, '127.0.0.1:0']
  const quiet = [...anyPort('devp2p'), ...anyPort('admin')]
  const child = launch(t, ['start', '--ready-file', ready, ...listen, ...quiet, ...args], { cwd, env })
  let output = ''
  for (const stream of [child.stdout, child.stderr]) {
    stream?.setEncoding('utf8').on('data', text => {
      output += text
    })
  }
  const exit = once(child, 'exit')
  const failed = exit.then(([code]) => {
    throw new Error(`the node ended with ${code}: ${output}`)
  })
  failed.catch(() => {}) // later on it is meant to end
  await Promise.race([fileThere(ready), failed])
  const { peerId, multiaddrs, enode, admin } = JSON.parse(readFileSync(ready, 'utf8'))
  return {
    child,
    peerId,
    address: multiaddrs[0],
    enode: enode ?? '',
    admin: admin ?? '',
    port: Number(multiaddrs[0].split('/')[4]),
    output: () => output,
    async stop(signal = 'SIGTERM') {
      child.kill(signal)
      const [code] = await exit
      return code
    }
  }
}

/** Fails unless a node has all that it confirmed, given as `post --json` told it. */
export async function assertKept(
  t: Scope,
  server: string,
  { confirmed, topic, cwd }: { confirmed: Array<Record<string, unknown>>; topic: string; cwd: string }
): Promise<void> {
  const request = ['request', '--server', server, '--password-file', 'waku-data/password', '--trust', '--topics', topic]
  const kept = new Set((await run(t, request, { cwd })).json().map(({ hash }) => hash))
  for (const { hash } of confirmed) assert.ok(kept.has(hash), `${hash} was confirmed`)
}

/** Resolves when the file is there; told by the folder, not by asking again and again. */
export async function fileThere(path: string): Promise<void> {
  const signal = AbortSignal.timeout(DEADLINE_MS)
  const changes = watch(dirname(path), (_event, name) => {
    if (name === basename(path)) changes.emit('seen')
  })
  try {
    while (!existsSync(path)) await once(changes, 'seen', { signal })
  } finally {
    changes.close()
  }
}

/** Whether something accepts connections on a local port. */
export function portOpen(port: number): Promise<boolean> {
  return new Promise(resolve => {
    const socket = createConnection({ port, host: '127.0.0.1' })
    socket.once('connect', () => {
      socket.destroy()
      resolve(true)
    })
    socket.once('error', () => resolve(false))
  })
}

export function alive(pid: number): boolean {
  try {
    process.kill(pid, 0)
    // one that has ended but was not collected by its new parent yet
    return !/^State:\s+Z/m.test(existsSync('/proc/self/status') ? readFileSync(`/proc/${pid}/status`, 'utf8') : '')
  } catch {
    return false
  }
}
