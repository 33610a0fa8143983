// What scripts outside the repository's own modules need: the packed package, and programs that are waited for.
import { spawn } from 'node:child_process'
import { cpSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

export const ROOT = join(import.meta.dirname, '..')
/** Of the README: what an application that embeds the services installs beside the package. */
export const BESIDE = ['libp2p', '@libp2p/tcp', '@libp2p/identify', '@chainsafe/libp2p-noise', '@libp2p/yamux']

/** Runs a program to its end, or until it wrote a text; rejects with what it wrote when it fails or takes more than `timeout` ms. */
export function run(command, args, { cwd = ROOT, timeout = 300_000, env = process.env, until = undefined } = {}) {
  return new Promise((resolve, reject) => {
    const child = spawn(command, args, { cwd, env, stdio: ['ignore', 'pipe', 'pipe'], timeout, killSignal: 'SIGKILL' })
    let [stdout, stderr] = ['', '']
    child.stdout.on('data', data => {
      stdout += data
      if (until !== undefined && stdout.includes(until)) child.kill('SIGKILL')
    })
    child.stderr.on('data', data => (stderr += data))
    child.on('error', reject)
    child.on('close', code => {
      if (code === 0 || (until !== undefined && stdout.includes(until))) resolve({ stdout, stderr })
      else
        reject(
          new Error(`${command} ${args.join(' ')} ended with ${code}\n${stdout.slice(-2000)}${stderr.slice(-2000)}`)
        )
    })
  })
}

/** A folder of its own, gone when the process ends. */
export function temporary() {
  const folder = mkdtempSync(join(tmpdir(), 'waku-packed-'))
  process.on('exit', () => rmSync(folder, { recursive: true, force: true }))
  return folder
}

/** The path of the package as it would be published; built already. */
export async function pack() {
  const folder = temporary()
  const { stdout } = await run('npm', ['pack', '--ignore-scripts', '--json', '--pack-destination', folder])
  return join(folder, JSON.parse(stdout)[0].filename)
}

/** An empty application with the programs of the README in it. */
export function application() {
  const folder = temporary()
  writeFileSync(join(folder, 'package.json'), JSON.stringify({ name: 'application', private: true, type: 'module' }))
  for (const [from, to] of [
    ['dist/test/examples', 'built'],
    ['test/examples', 'source']
  ]) {
    mkdirSync(join(folder, to))
    for (const name of ['embed', 'send', 'read']) {
      const extension = to === 'built' ? 'js' : 'ts'
      cpSync(join(ROOT, from, `${name}.${extension}`), join(folder, to, `${name}.${extension}`))
    }
  }
  return folder
}

const TTL_MS = 3_000

/**
 * Serves, posts, waits until the message is past its TTL, fetches and opens it: by the programs of the README.
 *
 * @param lingers the programs need not end by themselves
 */
export async function scenario(folder, program, args = [], { lingers = false } = {}) {
  const server = spawn(program, [...args, 'built/embed.js'], { cwd: folder, stdio: ['ignore', 'pipe', 'pipe'] })
  let errors = ''
  server.stderr.on('data', data => (errors += data))
  try {
    const address = await new Promise((resolve, reject) => {
      server.stdout.once('data', data => resolve(String(data).trim()))
      server.once('close', code => reject(new Error(`the server ended with ${code}: ${errors.slice(-2000)}`)))
      setTimeout(() => reject(new Error(`the server says nothing: ${errors.slice(-2000)}`)), 30_000).unref()
    })
    const options = { cwd: folder, timeout: 60_000 }
    const sent = await run(program, [...args, 'built/send.js', address], {
      ...options,
      until: lingers ? 'it is on the disk' : undefined
    })
    if (!sent.stdout.includes('it is on the disk')) throw new Error(`not confirmed: ${sent.stdout}${sent.stderr}`)
    await new Promise(resolve => setTimeout(resolve, TTL_MS))
    const read = await run(program, [...args, 'built/read.js', address], {
      ...options,
      until: lingers ? 'the bridge is open' : undefined
    })
    if (!read.stdout.includes('the bridge is open')) throw new Error(`not fetched: ${read.stdout}${read.stderr}`)
  } finally {
    server.kill('SIGKILL')
  }
}
