declare const setImmediate: ((task: () => void) => unknown) | undefined

/** Lets everything else that is due have its turn. */
export function pause(): Promise<void> {
  return new Promise(resolve => {
    if (typeof setImmediate === 'function') setImmediate(resolve)
    else nextTask(resolve)
  })
}

/** A browser makes timers that follow each other wait 4 ms, and a second in a tab that is not looked at; messages never. */
function nextTask(task: () => void): void {
  const { port1, port2 } = new MessageChannel()
  port1.onmessage = () => {
    port1.close()
    task()
  }
  port2.postMessage(undefined)
}
