import type { CommandContext } from './command.js'

/** One line on a terminal that says how far we are; nothing anywhere else. */
export class Progress {
  private shown = false
  private last = 0

  constructor(private readonly stderr: CommandContext['stderr']) {}

  /** At most ten times a second, so that printing never slows what it reports. */
  show(text: string): void {
    const now = Date.now()
    if (this.stderr.isTTY !== true || now - this.last < 100) return
    this.last = now
    this.shown = true
    this.stderr.write(`\r\u001b[K${text}`)
  }

  /** Clears the line. */
  end(): void {
    if (this.shown) this.stderr.write('\r\u001b[K')
    this.shown = false
  }
}
