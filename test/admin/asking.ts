import { readFileSync, statSync } from 'node:fs'
import { type IncomingHttpHeaders, request } from 'node:http'
import { connect, type Socket } from 'node:net'
import { join } from 'node:path'
import type { Daemon } from '../../src/node/daemon.js'

export interface Reply {
  status: number
  headers: IncomingHttpHeaders
  body: string
}

/** Asks the admin listener of a node, with no more headers than are named. */
export function ask(
  url: string,
  options: { method?: string; headers?: Record<string, string>; body?: string } = {}
): Promise<Reply> {
  return new Promise((resolve, reject) => {
    const { method = 'GET', headers = {}, body } = options
    const asked = request(url, { method, headers, agent: false }, response => {
      const chunks: Buffer[] = []
      response.on('data', (chunk: Buffer) => chunks.push(chunk))
      response.on('error', reject)
      response.on('end', () =>
        resolve({
          status: response.statusCode ?? 0,
          headers: response.headers,
          body: Buffer.concat(chunks).toString()
        })
      )
    })
    asked.on('error', reject)
    asked.end(body)
  })
}

export function tokenOf(daemon: Daemon): { token: string; mode: number } {
  const path = join(daemon.dir.path, 'admin-token')
  return { token: readFileSync(path, 'utf8').trim(), mode: statSync(path).mode & 0o777 }
}

export function bearer(daemon: Daemon): Record<string, string> {
  return { authorization: `Bearer ${tokenOf(daemon).token}` }
}

/** Where a node's admin listener is. */
export function urlOf(daemon: Daemon, path = '/'): string {
  return new URL(path, daemon.ready.admin ?? '').href
}

/** A connection that says nothing by itself. */
export function open(daemon: Daemon): Socket {
  const { hostname, port } = new URL(urlOf(daemon))
  return connect(Number(port), hostname)
}
