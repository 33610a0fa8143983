import { type ChildProcess, spawn, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { closeSync, openSync, rmSync, writeSync } from 'node:fs'
import { mkdir } from 'node:fs/promises'
import { join } from 'node:path'
import type { Scope } from '../helpers/scope.js'
import { CLI, cleanEnv } from './processes.js'

/** In namespaces of its own an ordinary user may mount too. */
const NAMESPACES = process.getuid?.() === 0 ? ['-m'] : ['-U', '-r', '-m']

/** A file system of a few MiB that only those see who are put on it; gone after the test. */
export class SmallDisk {
  readonly #holder: ChildProcess
  readonly #folder: string

  private constructor(holder: ChildProcess, folder: string) {
    this.#holder = holder
    this.#folder = folder
  }

  /** Whether this machine lets us have one. */
  static get possible(): boolean {
    if (process.platform !== 'linux') return false
    return spawnSync('unshare', [...NAMESPACES, 'sh', '-c', 'mount -t tmpfs tmpfs /tmp']).status === 0
  }

  static async mount(t: Scope, parent: string, mib: number): Promise<SmallDisk> {
    const folder = join(parent, 'disk')
    await mkdir(folder)
    const script = 'mount -t tmpfs -o "size=$1m" tmpfs "$0" && echo mounted && exec cat'
    const holder = spawn('unshare', [...NAMESPACES, 'sh', '-c', script, folder, String(mib)], {
      stdio: ['pipe', 'pipe', 'inherit']
    })
    t.after(() => holder.kill('SIGKILL'))
    await once(holder.stdout, 'data', { signal: AbortSignal.timeout(20_000) })
    return new SmallDisk(holder, folder)
  }

  /** The same folder as it is seen from outside. */
  get path(): string {
    return `/proc/${this.#holder.pid}/root${this.#folder}`
  }

  /** Starts the program with its working directory there. */
  launch(t: Scope, args: string[]): ChildProcess {
    const inside = NAMESPACES.includes('-U') ? ['-U', '--preserve-credentials', '-m'] : ['-m']
    const script = ['sh', '-c', 'cd "$0" && exec "$@"', this.#folder, process.execPath, CLI, ...args]
    const child = spawn('nsenter', [...inside, '-t', String(this.#holder.pid), ...script], {
      env: cleanEnv(),
      stdio: ['ignore', 'pipe', 'pipe']
    })
    t.after(() => child.kill('SIGKILL'))
    return child
  }

  /** Mounts it for reading only from now on. */
  forbidWrites(): void {
    const { status, stderr } = this.#enter('mount', '-o', 'remount,ro', this.#folder)
    if (status !== 0) throw new Error(String(stderr))
  }

  #enter(...command: string[]) {
    const inside = NAMESPACES.includes('-U') ? ['-U', '--preserve-credentials', '-m'] : ['-m']
    return spawnSync('nsenter', [...inside, '-t', String(this.#holder.pid), ...command])
  }

  /** Takes all the room there is. */
  fill(): void {
    fillDisk(join(this.path, 'filler'))
  }

  /** Gives it back. */
  free(): void {
    rmSync(join(this.path, 'filler'))
  }
}

/** Writes to a file until its disk has no room left. */
export function fillDisk(path: string): void {
  const file = openSync(path, 'a')
  try {
    for (const size of [1 << 20, 4096, 1])
      try {
        for (const piece = new Uint8Array(size); writeSync(file, piece) > 0; );
      } catch (error) {
        if ((error as NodeJS.ErrnoException).code !== 'ENOSPC') throw error
      }
  } finally {
    closeSync(file)
  }
}
