/** A range of nonces to try. */
export interface MineTask {
  shortRlp: Uint8Array
  bits: number
  from: bigint
  count: number
}

/** The nonce, or undefined when the range holds none. */
export type MineAnswer = bigint | undefined

/** One worker thread that tries ranges of nonces, one at a time. */
export interface MineWorker {
  /** Rejects when the worker broke, was stopped, or the signal aborted. */
  mine(task: MineTask, signal?: AbortSignal | undefined): Promise<MineAnswer>
  stop(): void
}

interface Threads {
  Worker: new (
    file: URL
  ) => {
    on(event: 'message', listener: (answer: { nonce: MineAnswer }) => void): unknown
    on(event: 'error' | 'exit', listener: (cause: unknown) => void): unknown
    postMessage(task: MineTask): void
    ref(): void
    unref(): void
    terminate(): Promise<unknown>
  }
}

/** The threads of Node, reached without an import that a browser would choke on. */
export function threads(): unknown {
  const { process } = globalThis as { process?: { getBuiltinModule?: (name: string) => unknown } }
  return process?.getBuiltinModule?.('node:worker_threads')
}

/** Starts a worker thread; undefined where there are none. */
export function startMineWorker(): MineWorker | undefined {
  const { Worker } = (threads() as Threads | undefined) ?? {}
  if (Worker === undefined) return undefined
  const worker = new Worker(new URL('./mine-worker.js', import.meta.url))
  worker.unref()
  let waiting: { resolve: (answer: MineAnswer) => void; reject: (error: unknown) => void } | undefined
  let over: Error | undefined
  const fail = (cause: unknown): void => {
    over ??= cause instanceof Error ? cause : new Error('the mining worker ended')
    waiting?.reject(over)
    waiting = undefined
  }
  worker.on('message', ({ nonce }) => {
    const { resolve } = waiting ?? {}
    waiting = undefined
    resolve?.(nonce)
  })
  worker.on('error', fail)
  worker.on('exit', fail)
  return {
    mine: async (task, signal) => {
      if (over !== undefined) throw over
      const answer = new Promise<MineAnswer>((resolve, reject) => {
        waiting = { resolve, reject }
      })
      worker.ref()
      worker.postMessage(task)
      // a range under way is let finish, so that the next one does not get its answer
      let onAbort: () => void = () => {}
      const abort = new Promise<never>((_, reject) => {
        onAbort = () => reject(signal?.reason)
        signal?.addEventListener('abort', onAbort, { once: true })
      })
      try {
        return await Promise.race([answer, abort])
      } finally {
        signal?.removeEventListener('abort', onAbort)
        if (signal?.aborted === true) await answer.catch(() => {})
        worker.unref()
      }
    },
    stop: () => {
      fail(new Error('the mining worker was stopped'))
      void worker.terminate()
    }
  }
}
