import type { Thread } from './worker-thread.js'

/** A browser's worker as `WorkerThread` asks it. It keeps nothing alive, so that there is nothing to let go. */
export function webWorker(worker: Worker): Thread {
  return {
    on: (event: 'message' | 'error' | 'exit', listener: (value: unknown) => void) => {
      if (event === 'message') worker.addEventListener('message', ({ data }) => listener(data))
      // a worker whose file cannot be had tells it this way too
      else if (event === 'error') {
        worker.addEventListener('error', ({ message }) => listener(new Error(message || 'the worker did not start')))
      }
    },
    postMessage: (task, transfer = []) => worker.postMessage(task, transfer),
    ref: () => {},
    unref: () => {},
    terminate: () => worker.terminate()
  }
}
