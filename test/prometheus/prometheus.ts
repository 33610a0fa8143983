import { type ChildProcess, execFileSync, spawn } from 'node:child_process'
import { once } from 'node:events'
import { writeFileSync } from 'node:fs'
import { type AddressInfo, createServer } from 'node:net'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { repositoryRoot } from '../helpers/repository.js'
import type { Scope } from '../helpers/scope.js'
import { tempDir } from '../node/temp-dir.js'

/** Debian's package, unless these name others. */
const PROMETHEUS = process.env.PROMETHEUS ?? '/usr/bin/prometheus'
const PROMTOOL = process.env.PROMTOOL ?? '/usr/bin/promtool'

export const RULES = join(repositoryRoot, 'scripts', 'deploy', 'prometheus-alerts.yml')
export const DASHBOARD = join(repositoryRoot, 'scripts', 'deploy', 'grafana-dashboard.json')
export const CONFIG = join(repositoryRoot, 'scripts', 'deploy', 'prometheus.yml')

/** Throws with what promtool says when it finds fault. */
export function promtool(...args: string[]): string {
  return execFileSync(PROMTOOL, args, { encoding: 'utf8', stdio: ['ignore', 'pipe', 'pipe'] })
}

export interface RunningPrometheus {
  /** What its API answers at a path, the part below `data`. */
  get<T>(path: string): Promise<T>
  /** What an expression is now. */
  query(expression: string): Promise<Array<{ metric: Record<string, string>; value: [number, string] }>>
}

/** A Prometheus of its own that scrapes one target each second and evaluates the rules as often; gone when the test ends. */
export async function startPrometheus(t: Scope, target: string): Promise<RunningPrometheus> {
  const folder = tempDir(t)
  const port = await freePort()
  const config = {
    global: { scrape_interval: '1s', scrape_timeout: '1s', evaluation_interval: '1s' },
    scrape_configs: [{ job_name: 'waku-mailserver', static_configs: [{ targets: [target] }] }],
    rule_files: [RULES]
  }
  writeFileSync(join(folder, 'prometheus.yml'), JSON.stringify(config)) // JSON is YAML
  const child = spawn(
    PROMETHEUS,
    [
      `--config.file=${join(folder, 'prometheus.yml')}`,
      `--storage.tsdb.path=${join(folder, 'data')}`,
      `--web.listen-address=127.0.0.1:${port}`
    ],
    { stdio: ['ignore', 'ignore', 'pipe'] }
  )
  t.after(() => stop(child))
  const ended = once(child, 'exit').then(([code]) => {
    throw new Error(`Prometheus ended with ${code}: ${said}`)
  })
  ended.catch(() => {}) // later on it is meant to end
  let said = ''
  child.stderr?.setEncoding('utf8').on('data', text => {
    said += text
  })
  while (!said.includes('Server is ready to receive web requests')) {
    await Promise.race([once(child.stderr, 'data'), ended])
  }
  const get = async <T>(path: string): Promise<T> => {
    const answer = (await (await fetch(`http://127.0.0.1:${port}/api/v1/${path}`)).json()) as {
      status: string
      error?: string
      data: T
    }
    if (answer.status !== 'success') throw new Error(`${path}: ${answer.error}`)
    return answer.data
  }
  const query: RunningPrometheus['query'] = async expression =>
    (
      await get<{ result: Awaited<ReturnType<RunningPrometheus['query']>> }>(
        `query?query=${encodeURIComponent(expression)}`
      )
    ).result
  return { get, query }
}

/** Resolves when something holds; Prometheus tells nobody when it scraped. */
export async function until(holds: () => Promise<boolean>, signal: AbortSignal): Promise<void> {
  while (!(await holds())) await sleep(250, undefined, { signal })
}

async function stop(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null) return
  child.kill('SIGTERM')
  await once(child, 'exit')
}

async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address() as AddressInfo
  server.close()
  await once(server, 'close')
  return port
}
