/** What has to be undone, last first, however far a start came. */
export class Cleanup {
  private readonly steps: Array<() => unknown> = []

  /** Returns what was made, for use in one line. */
  after<T>(made: T, undo: (made: T) => unknown): T {
    this.steps.push(() => undo(made))
    return made
  }

  /** Runs every step though others fail; then throws the first failure. */
  async run(): Promise<void> {
    const failures: unknown[] = []
    for (let step = this.steps.pop(); step !== undefined; step = this.steps.pop()) {
      try {
        await step()
      } catch (err) {
        failures.push(err)
      }
    }
    if (failures.length > 0) throw failures[0]
  }
}
