import { Writable } from 'node:stream'

export const LOG_FORMATS = ['text', 'json'] as const
export type LogFormat = (typeof LOG_FORMATS)[number]
export type LogLevel = 'info' | 'warn' | 'error'

/** How lines for people begin. */
const PREFIX = 'waku-mailserver: '
/** A line that nobody ends is written at this length, characters. */
const MAX_LINE = 65_536

/**
 * What the program says of itself, a line each: for people as it is, or for programs as JSON objects with `time` (ISO 8601,
 * UTC), `level` (`info`, `warn` or `error`) and `message`. Nothing is kept and no file is opened: whoever reads the stream
 * rotates.
 */
export class LogStream extends Writable {
  format: LogFormat = 'text'
  readonly #to: Writable & { isTTY?: boolean | undefined }
  #rest = ''

  constructor(to: Writable & { isTTY?: boolean | undefined }) {
    super({ decodeStrings: false, defaultEncoding: 'utf8' })
    this.#to = to
    to.on('error', err => this.destroy(err))
  }

  /** Whether somebody watches; never where lines are for programs. */
  get isTTY(): boolean | undefined {
    return this.format === 'text' ? this.#to.isTTY : false
  }

  /** A line of its own; for people `info` is said elsewhere. */
  log(level: LogLevel, message: string): void {
    if (this.format === 'json') this.#to.write(lineOf(level, message))
    else if (level !== 'info') this.#to.write(`${PREFIX}${message}\n`)
  }

  override _write(chunk: string | Buffer, _: BufferEncoding, done: () => void): void {
    const text = String(chunk)
    const full = this.format === 'text' ? this.#to.write(text) : this.#writeLines(text)
    if (full) done()
    else this.#to.once('drain', done)
  }

  #writeLines(text: string): boolean {
    const lines = (this.#rest + text).split('\n')
    this.#rest = lines.pop() ?? ''
    if (this.#rest.length > MAX_LINE) lines.push(this.#rest.slice(0, MAX_LINE))
    if (this.#rest.length > MAX_LINE) this.#rest = ''
    const written = lines.filter(line => line !== '').map(line => this.#to.write(lineOf('warn', line)))
    return written.at(-1) ?? true
  }
}

function lineOf(level: LogLevel, line: string): string {
  const message = line.startsWith(PREFIX) ? line.slice(PREFIX.length) : line
  return `${JSON.stringify({ time: new Date().toISOString(), level, message })}\n`
}
