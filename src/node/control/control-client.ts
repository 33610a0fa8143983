import { connect, type Socket } from 'node:net'
import type { DataDir } from '../data-dir/data-dir.js'
import { ControlError, type ControlProgress, type ControlResponse, readLines } from './control-line.js'
import { findControlPath } from './control-path.js'

/** The longest answer that is read: a trust list of some ten thousand peers. */
const MAX_ANSWER_BYTES = 16 * 1024 * 1024
const CONNECT_TIMEOUT_MS = 5_000

/** The running node refused or failed a command: `name` is that of its error. */
export class CommandError extends Error {
  static override readonly name = 'CommandError'
  override readonly name: string

  constructor(name: string, message: string) {
    super(message)
    this.name = name
  }
}

/** A connection to the control socket of a running node; commands are asked in turn. */
export class ControlClient {
  private readonly lines: AsyncGenerator<string>

  private constructor(private readonly socket: Socket) {
    this.lines = readLines(socket, MAX_ANSWER_BYTES)
  }

  /** Undefined when no node runs on this data dir. Throws `ControlError` when one does not answer, or what is there is not its. */
  static async find(dir: DataDir): Promise<ControlClient | undefined> {
    const path = await findControlPath(dir)
    const socket = path === undefined ? undefined : await open(path)
    return socket === undefined ? undefined : new ControlClient(socket)
  }

  /** Bytes in the parameters travel as base64. Throws `CommandError` when the node says no, `ControlError` when it says nothing, or the signal's reason. */
  async ask(
    command: string,
    params: unknown,
    options: { signal: AbortSignal; onProgress?: ((progress: unknown) => void) | undefined }
  ): Promise<unknown> {
    const stop = (): void => {
      this.socket.destroy()
    }
    options.signal.throwIfAborted()
    options.signal.addEventListener('abort', stop)
    try {
      this.socket.write(`${JSON.stringify({ command, params }, bytesAsBase64)}\n`)
      for (;;) {
        const { value: line } = await this.lines.next()
        options.signal.throwIfAborted()
        if (line === undefined) throw new ControlError('the node closed the control socket')
        const response = parse(line)
        if (!('progress' in response)) return unwrap(response)
        options.onProgress?.(response.progress)
      }
    } catch (err) {
      options.signal.throwIfAborted()
      throw err instanceof CommandError || err instanceof ControlError ? err : lost(err)
    } finally {
      options.signal.removeEventListener('abort', stop)
    }
  }

  close(): void {
    this.socket.destroy()
  }
}

function bytesAsBase64(_key: string, value: unknown): unknown {
  if (!(value instanceof Uint8Array)) return value
  return Buffer.from(value.buffer, value.byteOffset, value.byteLength).toString('base64')
}

function open(path: string): Promise<Socket | undefined> {
  return new Promise((resolve, reject) => {
    const socket = connect(path)
    const timer = setTimeout(
      () => socket.destroy(new ControlError('the running node does not answer on its control socket')),
      CONNECT_TIMEOUT_MS
    )
    socket.once('connect', () => {
      clearTimeout(timer)
      socket.on('error', () => {}) // reading throws it
      resolve(socket)
    })
    socket.once('error', (err: NodeJS.ErrnoException) => {
      clearTimeout(timer)
      // a killed node leaves its socket file behind: nobody listens there
      if (err.code === 'ENOENT' || err.code === 'ECONNREFUSED') resolve(undefined)
      else reject(err instanceof ControlError ? err : lost(err))
    })
  })
}

function parse(line: string): ControlResponse | ControlProgress {
  try {
    return JSON.parse(line) as ControlResponse | ControlProgress
  } catch {
    throw new ControlError('the running node answered with something that is not JSON')
  }
}

function unwrap(response: ControlResponse): unknown {
  if (response.ok) return response.result
  throw new CommandError(response.error.name, response.error.message)
}

function lost(err: unknown): ControlError {
  return new ControlError(`the control socket failed: ${(err as NodeJS.ErrnoException).code ?? (err as Error).message}`)
}
