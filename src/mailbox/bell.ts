/** Wakes one who waits for something to do; rung beforehand it does so at once. */
export class Bell {
  #rung = false
  #wake: (() => void) | undefined

  ring(): void {
    this.#rung = true
    this.#wake?.()
  }

  /**
   * Resolves when it was rung since the last time, or after so many ms.
   *
   * @throws the reason of `signal`
   */
  wait(ms: number, signal: AbortSignal): Promise<void> {
    return new Promise((resolve, reject) => {
      const done = (act: () => void): void => {
        clearTimeout(timer)
        signal.removeEventListener('abort', onAbort)
        this.#wake = undefined
        this.#rung = false
        act()
      }
      const onAbort = (): void => done(() => reject(signal.reason))
      const timer = setTimeout(() => done(resolve), Math.min(ms, MAX_DELAY))
      signal.addEventListener('abort', onAbort, { once: true })
      this.#wake = () => done(resolve)
      if (signal.aborted) onAbort()
      else if (this.#rung) this.#wake()
    })
  }
}

/** Timers take no more. */
const MAX_DELAY = 2 ** 31 - 1
