import { readFile } from 'node:fs/promises'
import { createServer as createHttp, type RequestListener } from 'node:http'
import { createServer as createHttps } from 'node:https'
import type { AddressInfo } from 'node:net'
import { extname, join } from 'node:path'
import { build } from 'vite'
import { repositoryRoot } from '../helpers/repository.js'
import type { Scope } from '../helpers/scope.js'

const TYPES: Record<string, string> = {
  '.html': 'text/html; charset=utf-8',
  '.js': 'text/javascript; charset=utf-8',
  '.css': 'text/css; charset=utf-8'
}
const ROOT = join(repositoryRoot, 'build', 'example-browser')
let built: Promise<unknown> | undefined

/** Builds the example as its owner would, once. */
function buildExample(): Promise<unknown> {
  built ??= build({
    configFile: join(repositoryRoot, 'scripts', 'example-browser', 'vite.config.ts'),
    logLevel: 'error'
  })
  return built
}

/** Serves the built example on a port of its own, and resolves with the port. */
export async function serveExample(t: Scope, certificate?: { cert: string; key: string }): Promise<number> {
  await buildExample()
  const answer: RequestListener = async (request, response) => {
    const path = new URL(request.url ?? '/', 'http://x').pathname
    const file = join(ROOT, path === '/' ? 'index.html' : path)
    try {
      const body = await readFile(file)
      response.writeHead(200, { 'content-type': TYPES[extname(file)] ?? 'application/octet-stream' }).end(body)
    } catch {
      response.writeHead(404).end()
    }
  }
  const server = certificate === undefined ? createHttp(answer) : createHttps(certificate, answer)
  await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve))
  t.after(() => {
    server.closeAllConnections()
    server.close()
  })
  return (server.address() as AddressInfo).port
}
