import { createServer, type IncomingMessage, type Server, type ServerResponse, STATUS_CODES } from 'node:http'
import { type AddressInfo, isIPv6, type Socket } from 'node:net'
import { anySignal } from '../base/any-signal.js'
import * as FIGURES from '../limits/figures.js'
import { type AdminAnswer, type AdminRoute, type AdminRoutes, type AdminStream, send, text } from './answer.js'
import { COOKIE, type Gate } from './gate.js'
import { loginForm } from './login.js'
import { Places } from './places.js'

const FIGURE = FIGURES.admin
/** Ports that are tried when the first is taken and nobody named it; then any. */
const NEXT_PORTS = 20
/** Without a host name in it there is no URL. */
const BASE = 'http://admin'
const LOGIN = '/login'

export interface AdminServerInit {
  host: string
  /** 0 takes a free one. */
  port: number
  /** When the port is taken, the next free one will do. */
  yielding?: boolean | undefined
  routes: AdminRoutes
  gate: Gate
  /** Told what a route threw. */
  onError(error: unknown): void
}

/** The listener for the operator. Slow, huge and many requests cost it a bounded part of the machine. */
export class AdminServer {
  readonly #server: Server
  readonly #init: AdminServerInit
  readonly #places = new Places(FIGURE.connections)
  readonly #closing = new AbortController()
  #underWay = 0

  private constructor(init: AdminServerInit) {
    this.#init = init
    this.#server = createServer(
      {
        maxHeaderSize: FIGURE.maxHeaders,
        headersTimeout: FIGURE.headTime,
        requestTimeout: FIGURE.requestTime,
        connectionsCheckingInterval: FIGURE.headTime / 5
      },
      (request, response) => void this.#answer(request, response)
    )
    this.#server.setTimeout(FIGURE.idle)
    this.#server.on('connection', socket => this.#places.enter(socket))
    this.#server.on('clientError', refuseBroken)
  }

  /** Resolves when it listens; rejects with the system's error otherwise. */
  static async listen(init: AdminServerInit): Promise<AdminServer> {
    const { host, port, yielding } = init
    const next = yielding === true && port !== 0 ? Array.from({ length: NEXT_PORTS }, (_, i) => port + 1 + i) : []
    let failure: NodeJS.ErrnoException | undefined
    for (const one of [port, ...next, ...(next.length === 0 ? [] : [0])]) {
      const admin = new AdminServer(init)
      try {
        await admin.#listen(host, one)
        return admin
      } catch (err) {
        failure = err as NodeJS.ErrnoException
        if (failure.code !== 'EADDRINUSE') break
      }
    }
    throw failure
  }

  /** Where the page is, for somebody on this machine when it listens everywhere. */
  get url(): string {
    const { address, port } = this.#server.address() as AddressInfo
    const host = address === '0.0.0.0' ? '127.0.0.1' : address === '::' ? '::1' : address
    return `http://${isIPv6(host) ? `[${host}]` : host}:${port}/`
  }

  /** Connections at this moment. */
  get connections(): number {
    return this.#places.size
  }

  async close(): Promise<void> {
    const closed = new Promise<void>(resolve => this.#server.close(() => resolve()))
    this.#closing.abort()
    this.#places.destroyAll()
    await closed
  }

  #listen(host: string, port: number): Promise<void> {
    return new Promise((resolve, reject) => {
      this.#server.once('error', reject)
      this.#server.listen({ host, port, exclusive: true }, () => {
        this.#server.off('error', reject)
        this.#server.on('error', () => {}) // a failed accept costs that connection only
        resolve()
      })
    })
  }

  async #answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const { socket } = request
    const leave = this.#places.use(socket)
    response.on('error', () => {}) // its connection is gone
    response.once('close', leave)
    this.#underWay++
    try {
      const answer = await this.#judge(request, response)
      if ('follow' in answer) answer.follow(response)
      else send(response, answer)
    } catch (error) {
      if (error instanceof TooLargeError) send(response, close(text(error.message, 413)))
      else if (!socket.destroyed) {
        this.#init.onError(error)
        send(response, text('the node could not answer; its log says why', 500))
      }
    } finally {
      this.#underWay--
      // what was not read of a request must not keep its place
      if (!request.complete && !socket.destroyed) response.once('finish', () => socket.destroySoon())
    }
  }

  async #judge(request: IncomingMessage, response: ServerResponse): Promise<AdminAnswer | AdminStream> {
    const { gate, routes } = this.#init
    const { headers, method = '' } = request
    const denial = gate.denies(headers)
    if (denial !== undefined) return close(text(denial.text, denial.status))
    if (this.#underWay > FIGURE.requests) {
      return close({ ...text('too many requests at a time: try again', 503), headers: { 'retry-after': '1' } })
    }
    if (!URL.canParse(request.url ?? '', BASE)) return close(text('that is no path', 400))
    const url = new URL(request.url ?? '', BASE)
    if (url.pathname === LOGIN && method === 'POST') return this.#login(await bodyOf(request))
    const route = routes.get(url.pathname)
    const stranger = route?.open === true ? undefined : gate.knows(headers)
    if (stranger !== undefined) return unknown(stranger.text, headers.accept)
    if (route === undefined) return text('there is nothing at this path', 404)
    if (!allows(route, method))
      return { ...text(`this path takes ${route.method} only`, 405), headers: { allow: route.method } }
    const body = await bodyOf(request)
    return await route.answer({ url, headers, body, signal: this.#signalOf(response) })
  }

  #signalOf(response: ServerResponse): AbortSignal {
    const gone = new AbortController()
    response.once('close', () => gone.abort())
    return anySignal([gone.signal, this.#closing.signal])
  }

  #login(body: Buffer): AdminAnswer {
    const { gate } = this.#init
    const token = new URLSearchParams(body.toString()).get('token')?.trim() ?? ''
    if (!gate.isToken(token)) return unknown('wrong token: the token is in the file admin-token of the data dir', HTML)
    const cookie = `${COOKIE}=${gate.pass}; Path=/; HttpOnly; SameSite=Strict`
    return { ...text('welcome', 303), headers: { location: '/', 'set-cookie': cookie } }
  }
}

const HTML = 'text/html'

class TooLargeError extends Error {
  static override readonly name = 'TooLargeError'
}

/** People get a form, programs a line. */
function unknown(reason: string, accept = ''): AdminAnswer {
  const answer = accept.includes(HTML) ? loginForm(reason) : text(reason)
  return { ...answer, status: 401, headers: { 'www-authenticate': 'Bearer realm="waku-mailserver"' } }
}

function allows(route: AdminRoute, method: string): boolean {
  return route.method === method || (route.method === 'GET' && method === 'HEAD')
}

function close(answer: AdminAnswer): AdminAnswer {
  return { ...answer, headers: { ...answer.headers, connection: 'close' } }
}

async function bodyOf(request: IncomingMessage): Promise<Buffer> {
  const tooLarge = (): TooLargeError => new TooLargeError(`a request has at most ${FIGURE.maxBody} bytes`)
  if (Number(request.headers['content-length'] ?? 0) > FIGURE.maxBody) throw tooLarge()
  const chunks: Buffer[] = []
  let size = 0
  for await (const chunk of request as AsyncIterable<Buffer>) {
    size += chunk.length
    if (size > FIGURE.maxBody) throw tooLarge()
    chunks.push(chunk)
  }
  return Buffer.concat(chunks)
}

const BROKEN: Record<string, number> = {
  HPE_HEADER_OVERFLOW: 431,
  ERR_HTTP_REQUEST_TIMEOUT: 408,
  HPE_INVALID_CONSTANT: 400
}

/** What is no request, or not whole in time. */
function refuseBroken({ code = '' }: NodeJS.ErrnoException, socket: Socket): void {
  const status = BROKEN[code] ?? 400
  if (!socket.writable || socket.bytesWritten > 0) return void socket.destroy()
  const body = `${STATUS_CODES[status]}\n`
  const head = `HTTP/1.1 ${status} ${STATUS_CODES[status]}\r\nconnection: close\r\ncontent-type: text/plain\r\n`
  socket.end(`${head}content-length: ${body.length}\r\n\r\n${body}`)
  socket.destroySoon()
}
