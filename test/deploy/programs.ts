import { type ChildProcess, execFileSync, spawn } from 'node:child_process'
import { createConnection, createServer } from 'node:net'
import { join } from 'node:path'
import { repositoryRoot } from '../helpers/repository.js'
import type { Scope } from '../helpers/scope.js'

export const DEPLOY: string = join(repositoryRoot, 'scripts', 'deploy')

/** Starts a program that serves; it ends with the test. */
export function serve(t: Scope, program: string, args: string[], env: Record<string, string> = {}): ChildProcess {
  const child = spawn(program, args, { stdio: ['ignore', 'pipe', 'inherit'], env: { ...process.env, ...env } })
  t.after(() => child.kill('SIGTERM'))
  child.on('error', err => {
    throw err // it is not installed
  })
  return child
}

/** For programs that take no port 0. */
export function freePort(): Promise<number> {
  return new Promise((resolve, reject) => {
    const server = createServer()
    server.once('error', reject)
    server.listen(0, '127.0.0.1', () => {
      const { port } = server.address() as { port: number }
      server.close(() => resolve(port))
    })
  })
}

/** Resolves when somebody listens on a local port. */
export async function listening(port: number): Promise<void> {
  const deadline = Date.now() + 30_000
  for (;;) {
    const open = await new Promise<boolean>(resolve => {
      const socket = createConnection({ port, host: '127.0.0.1' })
      socket.once('connect', () => resolve(true)).once('error', () => resolve(false))
      socket.once('connect', () => socket.destroy())
    })
    if (open) return
    if (Date.now() > deadline) throw new Error(`nobody listens on ${port}`)
    await new Promise(resolve => setTimeout(resolve, 50))
  }
}

/** A certificate for localhost by a certificate authority of its own. */
export function makeCertificate(folder: string): { ca: string; cert: string; key: string } {
  const openssl = (...args: string[]): void => {
    execFileSync('openssl', args, { cwd: folder, stdio: 'pipe' })
  }
  const ec = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes']
  openssl('req', '-x509', ...ec, '-keyout', 'ca.key', '-out', 'ca.pem', '-days', '2', '-subj', '/CN=local authority')
  const names = ['-subj', '/CN=localhost', '-addext', 'subjectAltName=DNS:localhost']
  openssl('req', '-new', ...ec, '-keyout', 'key.pem', '-out', 'request.pem', ...names)
  const by = ['-CA', 'ca.pem', '-CAkey', 'ca.key', '-CAcreateserial', '-copy_extensions', 'copy']
  openssl('x509', '-req', '-in', 'request.pem', ...by, '-out', 'cert.pem', '-days', '1')
  return { ca: join(folder, 'ca.pem'), cert: join(folder, 'cert.pem'), key: join(folder, 'key.pem') }
}
