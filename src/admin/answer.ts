import type { IncomingHttpHeaders, ServerResponse } from 'node:http'

/** A request that may be answered: of the right host and origin, with the token where one is needed. */
export interface AdminRequest {
  readonly url: URL
  readonly headers: IncomingHttpHeaders
  /** What was posted; empty otherwise. */
  readonly body: Buffer
  /** Aborted when its connection is gone, or the listener closes. */
  readonly signal: AbortSignal
}

export interface AdminAnswer {
  status?: number
  /** Media type. */
  type: string
  body: string | Uint8Array
  headers?: Record<string, string>
}

/** Takes a response over, for as long as its connection lasts. */
export interface AdminStream {
  follow(response: ServerResponse): void
}

export interface AdminRoute {
  readonly method: 'GET' | 'POST'
  /** Answered without a token: it tells nothing that is worth one. */
  readonly open?: boolean
  answer(request: AdminRequest): Promise<AdminAnswer | AdminStream>
}

/** By path. */
export type AdminRoutes = ReadonlyMap<string, AdminRoute>

/** What a browser may do with anything from here: nothing is loaded from elsewhere, and nobody frames it. */
export const HEADERS: Record<string, string> = {
  'content-security-policy':
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'",
  'x-content-type-options': 'nosniff',
  'x-frame-options': 'DENY',
  // with none at all browsers say that a form comes from nowhere
  'referrer-policy': 'same-origin',
  'cross-origin-resource-policy': 'same-origin',
  'cross-origin-opener-policy': 'same-origin',
  'cache-control': 'no-store'
}

export function text(body: string, status = 200): AdminAnswer {
  return { status, type: 'text/plain; charset=utf-8', body: `${body}\n` }
}

export function json(value: unknown, status = 200): AdminAnswer {
  const body = JSON.stringify(value, (_, v: unknown) => (typeof v === 'bigint' ? v.toString() : v))
  return { status, type: 'application/json; charset=utf-8', body: `${body}\n` }
}

export function send(response: ServerResponse, { status = 200, type, body, headers }: AdminAnswer): void {
  response.writeHead(status, {
    ...HEADERS,
    'content-type': type,
    'content-length': Buffer.byteLength(body),
    ...headers
  })
  response.end(response.req.method === 'HEAD' ? undefined : body)
}
