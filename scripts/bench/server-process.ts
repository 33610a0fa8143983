import { type ChildProcess, fork } from 'node:child_process'
import { fileURLToPath } from 'node:url'

/** A server with its archive in a process of its own. */
export class ServerProcess {
  readonly #process: ChildProcess

  /** @param module beside this one */
  constructor(module: string, args: readonly string[], { execArgv }: { execArgv?: string[] } = {}) {
    this.#process = fork(fileURLToPath(new URL(module, import.meta.url)), args, execArgv && { execArgv })
  }

  /** The answer to a command; `ready` comes by itself. */
  async answer<T>(command: string, argument = ''): Promise<T> {
    if (command !== 'ready') this.#process.send({ command, argument })
    return new Promise((resolve, reject) => {
      const onExit = (): void => reject(new Error('the server process ended'))
      const onMessage = (message: { command: string; result: T }): void => {
        if (message.command !== command) return
        this.#process.off('message', onMessage)
        this.#process.off('exit', onExit)
        resolve(message.result)
      }
      this.#process.on('message', onMessage)
      this.#process.once('exit', onExit)
    })
  }

  kill(): void {
    this.#process.kill()
  }
}
