import '../../src/base/polyfill.js'
import assert from 'node:assert/strict'
import { execFile, spawn } from 'node:child_process'
import { once } from 'node:events'
import { copyFileSync, existsSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { join } from 'node:path'
import { test } from 'node:test'
import { promisify } from 'node:util'
import { build } from 'esbuild'
import { startChromium } from '../browser/chromium.js'
import { cleanEnv, fileThere } from '../cli/processes.js'
import { repositoryRoot } from '../helpers/repository.js'
import type { Scope } from '../helpers/scope.js'
import { tempDir } from '../node/temp-dir.js'

const exec = promisify(execFile)

interface Visit {
  confirmed: number
  texts: string[]
  way: string
}

/** An application that has the package as it is published, and beside it the one that it does not bring. */
async function application(t: Scope): Promise<string> {
  const folder = tempDir(t)
  const pack = ['pack', '--ignore-scripts', '--json', '--pack-destination', folder]
  const [{ filename }] = JSON.parse((await exec('npm', pack, { cwd: repositoryRoot })).stdout)
  writeFileSync(join(folder, 'package.json'), JSON.stringify({ name: 'application', private: true, type: 'module' }))
  // what it has for React Native is 200 packages, and none of Node's or a browser's
  const quiet = ['--legacy-peer-deps', '--prefer-offline', '--no-audit', '--no-fund']
  const { peerDependencies } = JSON.parse(readFileSync(join(repositoryRoot, 'package.json'), 'utf8'))
  const webrtc = `@libp2p/webrtc@${peerDependencies['@libp2p/webrtc']}`
  await exec('npm', ['install', ...quiet, join(folder, filename), webrtc], { cwd: folder })
  copyFileSync(join(repositoryRoot, 'test', 'webrtc', 'visitor.mjs'), join(folder, 'visitor.mjs'))
  return folder
}

/** A node of that application, and where it is reached over WebRTC-direct. */
async function serve(
  t: Scope,
  folder: string,
  dataDir: string,
  port = 0
): Promise<{ address: string; stop(): Promise<number | null> }> {
  const ready = join(folder, 'ready.json')
  rmSync(ready, { force: true })
  const listen = ['--webrtc-direct', '--listen', `/ip4/127.0.0.1/udp/${port}/webrtc-direct`]
  const args = ['start', '--no-devp2p', '--admin-listen', '127.0.0.1:0', '--data-dir', dataDir, '--ready-file', ready]
  const program = join(folder, 'node_modules', 'waku-mailserver', 'dist', 'src', 'cli', 'main.js')
  const node = spawn(process.execPath, [program, ...args, ...listen], {
    cwd: folder,
    env: cleanEnv(),
    stdio: ['ignore', 'ignore', 'pipe']
  })
  let errors = ''
  node.stderr.on('data', data => {
    errors += data
  })
  t.after(() => node.kill('SIGKILL'))
  const exit = once(node, 'exit')
  await Promise.race([
    fileThere(ready),
    exit.then(([code]) => {
      throw new Error(`the node ended with ${code}: ${errors}`)
    })
  ])
  return {
    address: JSON.parse(readFileSync(ready, 'utf8')).multiaddrs[0],
    async stop() {
      node.kill('SIGTERM')
      const [code] = await exit
      return code
    }
  }
}

const secretOf = (dataDir: string): string => readFileSync(join(dataDir, 'password'), 'utf8').trim()

/** What the visitor says that runs in Node. */
async function visitFromNode(folder: string, address: string, dataDir: string, text: string): Promise<Visit> {
  const polyfill = join(folder, 'node_modules', 'waku-mailserver', 'dist', 'src', 'base', 'polyfill.js')
  const args = ['--import', polyfill, join(folder, 'visitor.mjs'), address, secretOf(dataDir), text]
  return JSON.parse((await exec(process.execPath, args, { cwd: folder, timeout: 60_000 })).stdout)
}

/** Serves a page with the visitor in it. */
async function servePage(t: Scope, folder: string): Promise<string> {
  const entry = { contents: "import { visit } from './visitor.mjs'; globalThis.visit = visit", resolveDir: folder }
  const bundled = await build({ stdin: entry, bundle: true, format: 'esm', write: false, logLevel: 'error' })
  const script = bundled.outputFiles[0]?.text ?? ''
  const server = createServer((request, response) => {
    const page = request.url === '/'
    response.setHeader('content-type', page ? 'text/html' : 'text/javascript')
    response.end(
      page ? '<!doctype html><title>visitor</title><script type="module" src="/visitor.js"></script>' : script
    )
  })
  await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve))
  t.after(() => {
    server.closeAllConnections()
    server.close()
  })
  return `http://localhost:${(server.address() as AddressInfo).port}/`
}

test('a mailserver is reached over WebRTC-direct from Node and from Chromium, by the same address after a restart', {
  timeout: 600_000
}, async t => {
  const folder = await application(t)
  const dataDir = join(tempDir(t), 'data')
  const first = await serve(t, folder, dataDir)
  assert.match(first.address, /^\/ip4\/127\.0\.0\.1\/udp\/\d+\/webrtc-direct\/certhash\/uEi[\w-]+\/p2p\/16Uiu2/)
  assert.equal(statSync(join(dataDir, 'webrtc')).mode & 0o777, 0o600)
  const byNode = await visitFromNode(folder, first.address, dataDir, 'from Node')
  assert.deepEqual(byNode, { confirmed: 1, texts: ['from Node'], way: first.address })
  assert.equal(await first.stop(), 0)

  const again = await serve(t, folder, dataDir, Number(first.address.split('/')[4]))
  assert.equal(again.address, first.address)
  const page = await (await startChromium(t)).newPage()
  await page.goto(await servePage(t, folder))
  const visitor = { server: again.address, password: secretOf(dataDir), text: 'from a page' }
  const byPage = await page.evaluate(
    given => (globalThis as unknown as { visit(given: unknown): Promise<Visit> }).visit(given),
    visitor
  )
  assert.deepEqual(byPage, { confirmed: 1, texts: ['from Node', 'from a page'], way: again.address })

  const taken = serve(t, folder, join(tempDir(t), 'other'), Number(again.address.split('/')[4]))
  await assert.rejects(taken, /ended with 1: .*cannot listen on .*: another program has its UDP port/s)
  assert.equal(existsSync(join(folder, 'ready.json')), false)
  assert.equal(await again.stop(), 0)
})
