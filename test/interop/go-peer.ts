import { type ChildProcessByStdio, spawn } from 'node:child_process'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import type { Readable, Writable } from 'node:stream'
import type { Scope } from '../helpers/scope.js'

/** One line that a program wrote. */
export type Line = Record<string, unknown> & { event: string }

export type Program = 'geth' | 'statusgo' | 'libp2p'

/** How long a program may take for one answer or event, in ms. */
const PATIENCE = 20_000

/** A running Go peer: see go/README.md for its commands and events. */
export class GoPeer {
  readonly lines: Line[] = []
  ready!: Line
  readonly #name: string
  readonly #process: ChildProcessByStdio<Writable, Readable, null>
  #watchers = new Set<() => void>()
  #ended = false
  #next = 0

  private constructor(name: string, folder: string) {
    this.#name = name
    this.#process = spawn(join(folder, `interop-${name}`), { stdio: ['pipe', 'pipe', 'inherit'] })
    this.#process.stdin.on('error', () => {})
    createInterface({ input: this.#process.stdout }).on('line', text => {
      this.lines.push(JSON.parse(text))
      this.#stir()
    })
    this.#process.on('close', () => {
      this.#ended = true
      this.#stir()
    })
    this.#process.on('error', () => {
      this.#ended = true
      this.#stir()
    })
  }

  /** Starts a program and its node; both end with the scope. */
  static async start(scope: Scope, folder: string, program: Program, options: object): Promise<GoPeer> {
    const peer = new GoPeer(program, folder)
    scope.after(() => peer.stop())
    peer.ready = await peer.do('start', options)
    return peer
  }

  /** Its PeerId, or the public key that other peers' events name it by, 128 hex digits. */
  get name(): string {
    return String(this.ready.peer)
  }

  get key(): string {
    return String(this.ready.peer)
  }

  get enode(): string {
    return String(this.ready.enode)
  }

  /** Sends a command and resolves with its reply, which may be an error. */
  async ask(cmd: string, members: object = {}, patience = PATIENCE): Promise<Line> {
    const id = ++this.#next
    this.#process.stdin.write(`${JSON.stringify({ cmd, id, ...members })}\n`)
    return this.await(line => line.re === id, `reply to ${cmd}`, patience)
  }

  /** The same for a command that has to succeed. */
  async do(cmd: string, members: object = {}, patience = PATIENCE): Promise<Line> {
    const reply = await this.ask(cmd, members, patience)
    if (reply.event === 'error') throw new Error(`${this.#name}: ${cmd}: ${reply.message}`)
    return reply
  }

  /** The first line that fits, among those that came and those that will. */
  async await(fits: (line: Line) => boolean, what: string, patience = PATIENCE): Promise<Line> {
    const deadline = Date.now() + patience
    for (let at = 0; ; ) {
      for (; at < this.lines.length; at++) if (fits(this.lines[at] as Line)) return this.lines[at] as Line
      const left = deadline - Date.now()
      if (this.#ended || left <= 0) {
        const last = this.lines.slice(-3).map(line => JSON.stringify(line).slice(0, 300))
        throw new Error(`${this.#name}: no ${what}${this.#ended ? ': it ended' : ''}; last: ${last.join(' ')}`)
      }
      await this.#change(left)
    }
  }

  awaitEvent(event: string, members: object = {}, patience = PATIENCE): Promise<Line> {
    const wanted = Object.entries(members)
    return this.await(
      line => line.event === event && wanted.every(([name, value]) => line[name] === value),
      `${event} ${JSON.stringify(members)}`,
      patience
    )
  }

  all(event: string, members: object = {}): Line[] {
    const wanted = Object.entries(members)
    return this.lines.filter(line => line.event === event && wanted.every(([name, value]) => line[name] === value))
  }

  async stop(): Promise<void> {
    if (this.#ended) return
    this.#process.stdin.end()
    const timer = setTimeout(() => this.#process.kill('SIGKILL'), 5_000)
    while (!this.#ended) await this.#change(10_000)
    clearTimeout(timer)
  }

  #change(ms: number): Promise<void> {
    return new Promise(resolve => {
      const done = (): void => {
        clearTimeout(timer)
        this.#watchers.delete(done)
        resolve()
      }
      const timer = setTimeout(done, ms)
      this.#watchers.add(done)
    })
  }

  #stir(): void {
    for (const watcher of [...this.#watchers]) watcher()
  }
}

/** `0x` hex of a list of hashes as the programs write them, without the prefix. */
export function hashesIn(value: unknown): string[] {
  return (value as string[]).map(text => text.slice(2))
}
