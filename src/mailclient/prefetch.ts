export interface PrefetchLimits<T> {
  /** Whether no further item is asked for while these are held: asked when there is one at least, and whenever one was taken. */
  isFull(held: readonly T[]): boolean
  /** Ends the source also while nobody takes what is ready; its reason is thrown after that. */
  signal?: AbortSignal | undefined
}

/**
 * Asks `source` for the next items while the last one is being consumed, within limits. An error of the source is thrown
 * after the items before it. Leaving early asks for no more; whoever made the source ends what it is waiting for.
 */
export async function* prefetch<T>(source: AsyncIterable<T>, limits: PrefetchLimits<T>): AsyncGenerator<T, void> {
  const ready: T[] = []
  let over: { error?: unknown } | undefined
  let left = false
  let wakeConsumer = (): void => {}
  let wakeSource = (): void => {}
  const isFull = (): boolean => ready.length > 0 && limits.isFull(ready)

  const pump = async (): Promise<void> => {
    try {
      for await (const item of source) {
        ready.push(item)
        wakeConsumer()
        while (!left && isFull() && limits.signal?.aborted !== true) {
          await new Promise<void>(resolve => {
            wakeSource = resolve
          })
        }
        if (left || limits.signal?.aborted === true) break
      }
      over = limits.signal?.aborted === true ? { error: limits.signal.reason } : {}
    } catch (error) {
      over = { error }
    }
    wakeConsumer()
  }

  const onAbort = (): void => wakeSource()
  limits.signal?.addEventListener('abort', onAbort, { once: true })
  pump()
  try {
    for (;;) {
      const item = ready.shift()
      if (item !== undefined) {
        wakeSource()
        yield item
      } else if (over !== undefined) {
        if ('error' in over) throw over.error
        return
      } else {
        await new Promise<void>(resolve => {
          wakeConsumer = resolve
        })
      }
    }
  } finally {
    left = true
    limits.signal?.removeEventListener('abort', onAbort)
    wakeSource()
  }
}
