export interface PrefetchLimits<T> {
  /** Items held ahead, 1 or more. */
  count: number
  /** No further item is asked for while those held are this large. */
  size: number
  sizeOf(item: T): number
  /** Ends the source also while nobody takes what is ready; its reason is thrown after that. */
  signal?: AbortSignal | undefined
}

/**
 * Asks `source` for the next items while the last one is being consumed, within limits. An error of the source is thrown
 * after the items before it. Leaving early asks for no more; whoever made the source ends what it is waiting for.
 */
export async function* prefetch<T>(source: AsyncIterable<T>, limits: PrefetchLimits<T>): AsyncGenerator<T, void> {
  const ready: T[] = []
  let size = 0
  let over: { error?: unknown } | undefined
  let left = false
  let wakeConsumer = (): void => {}
  let wakeSource = (): void => {}
  const isFull = (): boolean => ready.length >= limits.count || size >= limits.size

  const pump = async (): Promise<void> => {
    try {
      for await (const item of source) {
        ready.push(item)
        size += limits.sizeOf(item)
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
        size -= limits.sizeOf(item)
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
