import type { Writable } from 'node:stream'
import { fileTrouble } from '../node/data-dir/file-trouble.js'

/** Whoever read our output closed it. */
export class BrokenPipeError extends Error {
  static override readonly name = 'BrokenPipeError'
  override readonly name = 'BrokenPipeError'

  constructor() {
    super('the reader of the output is gone')
  }
}

/** The output goes to a file that takes nothing more. */
export class OutputError extends Error {
  static override readonly name = 'OutputError'
  override readonly name = 'OutputError'

  constructor(cause: Error) {
    super(`not all output could be written: ${fileTrouble(cause)}; make room, or send it elsewhere`, { cause })
  }
}

/** Why nothing more can be written to a stream that closed, or failed by this. */
function goneBy(error: NodeJS.ErrnoException | null): Error {
  const isPipe = error === null || ['EPIPE', 'ECONNRESET'].includes(error.code ?? '')
  return isPipe ? new BrokenPipeError() : new OutputError(error)
}

/** Throws what a pipeline into the output failed by, as `writeLine` would. */
export function throwGone(err: NodeJS.ErrnoException): never {
  throw err.syscall === 'write' ? goneBy(err) : err
}

/** Writes a line; resolves when the stream wants more. Throws `BrokenPipeError`, `OutputError`, or the signal's reason. */
export async function writeLine(stream: Writable, line: string, options: { signal: AbortSignal }): Promise<void> {
  const { signal } = options
  signal.throwIfAborted()
  if (stream.destroyed || stream.errored !== null) throw goneBy(stream.errored)
  if (stream.write(`${line}\n`)) return
  if (stream.errored !== null) throw goneBy(stream.errored)
  await new Promise<void>((resolve, reject) => {
    const settle = (finish: () => void) => (): void => {
      stream.off('drain', onDrain)
      stream.off('close', onGone)
      stream.off('error', onGone)
      signal.removeEventListener('abort', onAbort)
      finish()
    }
    const onDrain = settle(resolve)
    const onGone = settle(() => reject(goneBy(stream.errored)))
    const onAbort = settle(() => reject(signal.reason))
    stream.on('drain', onDrain)
    stream.on('close', onGone)
    stream.on('error', onGone)
    signal.addEventListener('abort', onAbort)
  })
}

/** Writes one JSON object on a line; integers beyond 2^53 become texts. */
export async function writeJson(stream: Writable, value: unknown, options: { signal: AbortSignal }): Promise<void> {
  const json = JSON.stringify(value, (_, v: unknown) => (typeof v === 'bigint' ? v.toString() : v))
  await writeLine(stream, printable(json), options)
}

/** Text that came from elsewhere, made safe for a terminal: control characters are escaped as JSON does it. */
export function printable(text: string): string {
  return text.replace(/[\p{Cc}\p{Bidi_Control}]/gu, c => `\\u${c.charCodeAt(0).toString(16).padStart(4, '0')}`)
}
