import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'
import { cleanEnv } from '../../test/cli/processes.js'

const CLI = fileURLToPath(new URL('../../src/cli/main.js', import.meta.url))
const START_MS = 60_000
const END_MS = 60_000

/** The node ended before it served. */
export class NotServingError extends Error {
  static override readonly name = 'NotServingError'
  override readonly name = 'NotServingError'
}

export interface NodeProcessInit {
  args: readonly string[]
  env: Record<string, string>
  /** Modules loaded before the program. */
  imports: readonly string[]
}

/** Those that run: none of them outlives this process. */
const running = new Set<ChildProcess>()
process.on('exit', () => {
  for (const child of running) child.kill('SIGKILL')
})

/** The program as it was built, in a process of its own. */
export class NodeProcess {
  /** Of its end. */
  readonly exit: Promise<number | null>
  /** Aborted when it ended. */
  readonly gone: AbortSignal
  readonly #child: ChildProcess
  #output = ''
  #address = ''

  constructor({ args, env, imports }: NodeProcessInit) {
    const options = imports.flatMap(module => ['--import', module])
    this.#child = spawn(process.execPath, [...options, CLI, ...args], {
      env: cleanEnv(env),
      stdio: ['ignore', 'pipe', 'pipe']
    })
    running.add(this.#child)
    const over = new AbortController()
    this.gone = over.signal
    this.exit = once(this.#child, 'exit').then(([code, signal]) => {
      running.delete(this.#child)
      over.abort(new NotServingError(`the node ended with ${code ?? signal}: ${this.output.trim()}`))
      return code as number | null
    })
    this.#child.stderr?.setEncoding('utf8').on('data', text => {
      this.#output += text
    })
  }

  /** Resolves with what it printed as JSON once it serves. @throws NotServingError */
  async serving(): Promise<void> {
    const lines = createInterface({ input: this.#child.stdout as NonNullable<ChildProcess['stdout']> })
    const timer = setTimeout(() => this.kill(), START_MS)
    try {
      const [line] = await Promise.race([
        once(lines, 'line') as Promise<[string]>,
        this.exit.then(() => {
          throw this.gone.reason
        })
      ])
      this.#address = JSON.parse(line).multiaddrs[0]
    } finally {
      clearTimeout(timer)
    }
  }

  /** Where it listens. */
  get address(): string {
    return this.#address
  }

  /** What it told the operator. */
  get output(): string {
    return this.#output
  }

  kill(signal: NodeJS.Signals = 'SIGKILL'): void {
    this.#child.kill(signal)
  }

  /** Resolves with the exit code of a command that ends by itself, or of a node that was told to. */
  async ended(): Promise<number | null> {
    const timer = setTimeout(() => this.kill(), END_MS)
    try {
      return await this.exit
    } finally {
      clearTimeout(timer)
    }
  }
}
