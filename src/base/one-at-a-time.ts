/** Runs tasks strictly one after another. A failed task fails its caller only. */
export class OneAtATime {
  #tail: Promise<unknown> = Promise.resolve()

  run<T>(task: () => Promise<T>): Promise<T> {
    const result = this.#tail.then(task)
    this.#tail = result.catch(() => {})
    return result
  }

  /** Resolves when nothing runs or waits, also of what running tasks put in line meanwhile. */
  async idle(): Promise<void> {
    for (let last: unknown; last !== this.#tail; ) {
      last = this.#tail
      await last
    }
  }
}
