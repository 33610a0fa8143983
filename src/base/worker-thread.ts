/** What a thread is asked through: Node's Worker, or a browser's behind `webWorker`. */
export interface Thread {
  on(event: 'message', listener: (answer: unknown) => void): unknown
  on(event: 'error' | 'exit', listener: (cause: unknown) => void): unknown
  postMessage(task: unknown, transfer?: ArrayBuffer[]): void
  ref(): void
  unref(): void
  terminate(): unknown
}

interface Threads {
  Worker: new (file: URL) => Thread
}

interface Waiting {
  resolve(answer: unknown): void
  reject(error: Error): void
}

/** The threads of Node, reached without an import that a browser would choke on. */
export function threads(): unknown {
  const { process } = globalThis as { process?: { getBuiltinModule?: (name: string) => unknown } }
  return process?.getBuiltinModule?.('node:worker_threads')
}

/** A worker thread that answers each task with one message, in the order of the tasks. Without work it holds up no exit. */
export class WorkerThread<Task, Answer> {
  readonly #worker: Thread
  readonly #waiting: Waiting[] = []
  #over: Error | undefined

  constructor(worker: Thread) {
    this.#worker = worker
    this.#worker.unref()
    this.#worker.on('message', answer => {
      this.#waiting.shift()?.resolve(answer)
      if (this.#waiting.length === 0) this.#worker.unref()
    })
    const ended = (cause: unknown): void => this.#end(cause instanceof Error ? cause : new Error('a worker ended'))
    this.#worker.on('error', ended)
    this.#worker.on('exit', ended)
  }

  /** Starts a thread; undefined where there are none. */
  static start<Task, Answer>(file: URL): WorkerThread<Task, Answer> | undefined {
    const found = threads() as Threads | undefined
    return found && new WorkerThread(new found.Worker(file))
  }

  /** How many tasks are not answered yet. */
  get waiting(): number {
    return this.#waiting.length
  }

  /** Rejects when the worker broke or was stopped. */
  ask(task: Task, transfer: ArrayBuffer[] = []): Promise<Answer> {
    if (this.#over !== undefined) return Promise.reject(this.#over)
    return new Promise<Answer>((resolve, reject) => {
      this.#waiting.push({ resolve: answer => resolve(answer as Answer), reject })
      this.#worker.ref()
      this.#worker.postMessage(task, transfer)
    })
  }

  stop(): void {
    this.#end(new Error('the worker was stopped'))
    void this.#worker.terminate()
  }

  #end(error: Error): void {
    this.#over ??= error
    for (const { reject } of this.#waiting.splice(0)) reject(this.#over)
  }
}
