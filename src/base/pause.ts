declare const setImmediate: ((task: () => void) => unknown) | undefined

/** Lets everything else that is due have its turn. */
export function pause(): Promise<void> {
  return new Promise(resolve => {
    if (typeof setImmediate === 'function') setImmediate(resolve)
    else setTimeout(resolve, 0)
  })
}
