import { chmod } from 'node:fs/promises'
import { createServer, type Server, type Socket } from 'node:net'
import { ControlError, type ControlRequest, type ControlResponse, readLines } from './control-line.js'

/**
 * Carries out one command; the signal is aborted when the connection broke or the server closes. `report` says how far it is,
 * as often as the other side reads.
 */
export type ControlHandler = (params: unknown, options: ControlOptions) => Promise<unknown>

export interface ControlOptions {
  signal: AbortSignal
  report?: ((progress: unknown) => void) | undefined
}

export interface ControlServerInit {
  /** Where to listen: the path of a socket, or the name of a pipe. */
  path: string
  handlers: Record<string, ControlHandler>
  /** Longest request, bytes. @default 65536 */
  maxLine?: number | undefined
  /** Connections at a time; one more is refused. @default 16 */
  maxConnections?: number | undefined
  /** Silence after which a connection is closed, ms. @default 30000 */
  idleTimeout?: number | undefined
}

/** Takes commands from the same user on the same machine, each connection's in turn. */
export class ControlServer {
  private readonly server: Server
  private readonly sockets = new Map<Socket, AbortController>()
  private readonly running = new Set<Promise<void>>()
  private readonly handlers: Map<string, ControlHandler>
  private readonly maxLine: number
  private readonly idleTimeout: number

  private constructor(init: ControlServerInit) {
    this.handlers = new Map(Object.entries(init.handlers))
    this.maxLine = init.maxLine ?? 65_536
    this.idleTimeout = init.idleTimeout ?? 30_000
    this.server = createServer(socket => this.accept(socket))
    this.server.maxConnections = init.maxConnections ?? 16
  }

  /** Listens, for the owner only (0600), and resolves when it does. */
  static async listen(init: ControlServerInit): Promise<ControlServer> {
    const control = new ControlServer(init)
    await new Promise<void>((resolve, reject) => {
      control.server.once('error', reject)
      // the socket's file is made inside this call: no moment at which others could connect
      const mask = process.umask(0o177)
      try {
        control.server.listen(init.path, () => {
          control.server.off('error', reject)
          control.server.on('error', () => {}) // a failed accept costs that connection only
          resolve()
        })
      } finally {
        process.umask(mask)
      }
    })
    if (process.platform !== 'win32') await chmod(init.path, 0o600)
    return control
  }

  /** Takes no more commands; those under way are told to stop and waited for. */
  async close(): Promise<void> {
    const closed = new Promise<void>(resolve => this.server.close(() => resolve()))
    for (const [socket, controller] of this.sockets) {
      controller.abort(new ControlError('the node is stopping'))
      socket.destroySoon()
    }
    await Promise.all(this.running)
    for (const socket of this.sockets.keys()) socket.destroy()
    await closed
  }

  private accept(socket: Socket): void {
    const controller = new AbortController()
    this.sockets.set(socket, controller)
    socket.on('error', () => {}) // 'close' follows
    socket.on('close', () => {
      this.sockets.delete(socket)
      controller.abort(new ControlError('the connection was closed'))
    })
    socket.setTimeout(this.idleTimeout)
    let busy = false
    socket.on('timeout', () => {
      if (!busy || socket.writableLength > 0) socket.destroy()
    })
    const setBusy = (is: boolean): void => {
      busy = is
    }
    const run = this.converse(socket, controller.signal, setBusy).finally(() => this.running.delete(run))
    this.running.add(run)
  }

  private async converse(socket: Socket, signal: AbortSignal, setBusy: (is: boolean) => void): Promise<void> {
    try {
      for await (const line of readLines(socket, this.maxLine)) {
        setBusy(true)
        const report = (progress: unknown): void => {
          if (socket.writable && socket.writableLength === 0) socket.write(`${JSON.stringify({ progress })}\n`)
        }
        const response = await this.answer(line, { signal, report })
        setBusy(false)
        if (!socket.writable) return
        if (!socket.write(`${JSON.stringify(response)}\n`)) await drained(socket)
      }
      socket.end()
    } catch (err) {
      if (socket.writable) socket.end(`${JSON.stringify(failure(err))}\n`)
    }
  }

  private async answer(line: string, options: ControlOptions): Promise<ControlResponse> {
    try {
      const request = parseRequest(line)
      const handler = this.handlers.get(request.command)
      if (handler === undefined) throw new ControlError(`no such command: ${request.command.slice(0, 40)}`)
      return { ok: true, result: (await handler(request.params, options)) ?? null }
    } catch (err) {
      return failure(err)
    }
  }
}

function parseRequest(line: string): ControlRequest {
  let value: unknown
  try {
    value = JSON.parse(line)
  } catch {
    throw new ControlError('a request is one JSON object on a line')
  }
  if (typeof value !== 'object' || value === null || !('command' in value) || typeof value.command !== 'string') {
    throw new ControlError('a request is {"command": "…", "params": {…}}')
  }
  return value as ControlRequest
}

function failure(err: unknown): ControlResponse {
  const { name, message } = err instanceof Error ? err : new Error(String(err))
  return { ok: false, error: { name, message } }
}

/** Resolves when the socket wants more, or is gone; the idle timeout sees to the latter. */
function drained(socket: Socket): Promise<void> {
  return new Promise(resolve => {
    const done = (): void => {
      socket.off('drain', done)
      socket.off('close', done)
      resolve()
    }
    socket.on('drain', done)
    socket.on('close', done)
  })
}
