import type { TestContext } from 'node:test'

/** Warnings of this process from now on that too many listen to one thing: what they leave there is never taken away. */
export function listenerWarnings(t: TestContext): Error[] {
  const found: Error[] = []
  const onWarning = (warning: Error): void => {
    if (warning.name === 'MaxListenersExceededWarning') found.push(warning)
  }
  process.on('warning', onWarning)
  t.after(() => void process.off('warning', onWarning))
  return found
}
