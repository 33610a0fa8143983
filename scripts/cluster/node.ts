import { type ChildProcess, execFile, spawn } from 'node:child_process'
import { once } from 'node:events'
import { createWriteStream } from 'node:fs'
import { mkdir, writeFile } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { promisify } from 'node:util'
import { freePort } from './free-port.js'
import type { Jars } from './jars.js'
import { wrongClock } from './wrong-clock.js'

/** Of `jvm17-server.options`. */
const OPENED = [
  '--add-exports java.base/jdk.internal.misc',
  '--add-exports java.management.rmi/com.sun.jmx.remote.internal.rmi',
  '--add-exports java.rmi/sun.rmi.registry',
  '--add-exports java.rmi/sun.rmi.server',
  '--add-exports java.rmi/sun.rmi.transport.tcp',
  '--add-exports java.sql/java.sql',
  '--add-exports java.base/java.lang.ref',
  '--add-exports jdk.unsupported/sun.misc',
  '--add-opens java.base/java.lang.module',
  '--add-opens java.base/jdk.internal.loader',
  '--add-opens java.base/jdk.internal.ref',
  '--add-opens java.base/jdk.internal.reflect',
  '--add-opens java.base/jdk.internal.math',
  '--add-opens java.base/jdk.internal.module',
  '--add-opens java.base/jdk.internal.util.jar',
  '--add-opens jdk.management/com.sun.management.internal',
  '--add-opens java.base/sun.nio.ch',
  '--add-opens java.base/java.io',
  '--add-opens java.base/java.nio',
  '--add-opens java.base/java.util.concurrent',
  '--add-opens java.base/java.util',
  '--add-opens java.base/java.util.concurrent.atomic',
  '--add-opens java.base/java.lang',
  '--add-opens java.base/java.math',
  '--add-opens java.base/java.lang.reflect',
  '--add-opens java.base/java.net'
].map(option => `${option}=ALL-UNNAMED`.replace(' ', '='))

const LOGBACK = `<configuration>
  <appender name="out" class="ch.qos.logback.core.ConsoleAppender"><encoder>
    <pattern>%-5level %date{ISO8601} %logger{0} %msg%n</pattern>
  </encoder></appender>
  <root level="INFO"><appender-ref ref="out"/></root>
</configuration>
`
/** On Linux a node ends with who started it, however that ended. */
const TIED: [string, ...string[]] = process.platform === 'linux' ? ['setpriv', '--pdeathsig', 'KILL', 'java'] : ['java']
const READY = /Startup complete/
/** It sees another node. */
const MET = /InetAddress \/([\d.]+):\d+ is now UP/g
const START_PATIENCE = 300_000
const STOP_PATIENCE = 30_000

/** How a node is set up. */
export interface NodeInit {
  jars: Jars
  /** A loopback address of its own. */
  address: string
  nativePort: number
  storagePort: number
  /** Address of the node that the others ask when they start. */
  seed: string
  /** Its one token: nodes of a cluster divide the ring. */
  token: string
  /** Where it keeps everything but its log. */
  folder: string
  log: string
  /** MiB. */
  heap: number
  /** Lines of its cassandra.yaml, which go before those that are made here. */
  settings: Readonly<Record<string, string>>
  /** Addresses of the nodes that answer, this one aside: it serves when it has met them. */
  others: () => string[]
}

/** One node of Cassandra, a process of its own. */
export class CassandraNode {
  readonly #init: NodeInit
  #jmxPort = 0
  #child: ChildProcess | undefined
  #silent = false

  constructor(init: NodeInit) {
    this.#init = init
  }

  get address(): string {
    return this.#init.address
  }

  get answers(): boolean {
    return this.#child !== undefined && !this.#silent
  }

  get folder(): string {
    return this.#init.folder
  }

  get pid(): number | undefined {
    return this.#child?.pid
  }

  get log(): string {
    return this.#init.log
  }

  /**
   * Resolves when it serves.
   * @param clock - seconds by which its clock is ahead, or behind: it may never meet the others then, and is not waited for
   */
  async start({ clock = 0 }: { clock?: number } = {}): Promise<void> {
    const { folder, jars, heap, log: logFile } = this.#init
    await Promise.all([folder, dirname(logFile)].map(path => mkdir(path, { recursive: true })))
    this.#jmxPort = await freePort(['127.0.0.1'])
    const yaml = join(folder, 'cassandra.yaml')
    const logback = join(folder, 'logback.xml')
    await Promise.all([writeFile(yaml, this.#yaml()), writeFile(logback, LOGBACK)])
    const [program, ...before] = TIED
    const child = spawn(
      program,
      [
        ...before,
        ...OPENED,
        `-javaagent:${jars.jamm}`,
        `-Xms${heap}m`,
        `-Xmx${heap}m`,
        '-XX:+UseSerialGC',
        '-XX:-UsePerfData',
        // it lives too short for more compiling to pay
        '-XX:TieredStopAtLevel=1',
        '-XX:+ExitOnOutOfMemoryError',
        '-Djdk.attach.allowAttachSelf=true',
        `-Dlogback.configurationFile=${logback}`,
        `-Dcassandra.config=file:${yaml}`,
        `-Dcassandra.storagedir=${folder}`,
        `-Dcassandra.jmx.local.port=${this.#jmxPort}`,
        '-Dcassandra-foreground=yes',
        '-Dcassandra.ring_delay_ms=1000',
        '-Dcassandra.skip_wait_for_gossip_to_settle=0',
        '-Dcassandra.superuser_setup_delay_ms=0',
        '-cp',
        jars.classpath,
        'org.apache.cassandra.service.CassandraDaemon'
      ],
      {
        cwd: folder,
        stdio: ['ignore', 'pipe', 'pipe'],
        env: clock === 0 ? process.env : { ...process.env, ...wrongClock(clock, dirname(logFile)) }
      }
    )
    this.#child = child
    const log = createWriteStream(logFile, { flags: 'a' })
    child.stderr.pipe(log, { end: false })
    await new Promise<void>((resolve, reject) => {
      const fail = (why: string) => {
        child.kill('SIGKILL')
        reject(new Error(`the node at ${this.address} ${why}: see ${logFile}`))
      }
      const timer = setTimeout(() => fail('was not ready in time'), START_PATIENCE)
      // before it has met the others it counts them as down, and makes tables that they do not hear of
      const awaited = new Set(clock === 0 ? this.#init.others() : [])
      let complete = false
      let text = ''
      child.stdout.on('data', (chunk: Buffer) => {
        log.write(chunk)
        text = text.slice(-200) + chunk.toString()
        complete ||= READY.test(text)
        for (const [, address] of text.matchAll(MET)) awaited.delete(address as string)
        if (!complete || awaited.size > 0) return
        clearTimeout(timer)
        resolve()
      })
      child.once('error', error => fail(error.message))
      child.once('exit', () => {
        clearTimeout(timer)
        log.end()
        fail('ended')
      })
    })
  }

  /** As a power cut would end it. */
  kill(): Promise<void> {
    return this.#end('SIGKILL')
  }

  async stop(): Promise<void> {
    await this.#end('SIGTERM')
  }

  /** What an operator's `nodetool` does to it; resolves with what it says. */
  async nodetool(...args: string[]): Promise<string> {
    const { jars } = this.#init
    const of = [...OPENED, '-XX:TieredStopAtLevel=1', '-cp', jars.classpath, 'org.apache.cassandra.tools.NodeTool']
    const { stdout } = await promisify(execFile)('java', [...of, '-p', String(this.#jmxPort), ...args])
    return stdout
  }

  /** Leaves it there, and silent. */
  pause(): void {
    this.#silent = true
    this.#child?.kill('SIGSTOP')
  }

  resume(): void {
    this.#silent = false
    this.#child?.kill('SIGCONT')
  }

  async #end(signal: 'SIGKILL' | 'SIGTERM'): Promise<void> {
    const child = this.#child
    this.#child = undefined
    this.#silent = false
    if (child === undefined || child.exitCode !== null || child.signalCode !== null) return
    const ended = once(child, 'exit')
    child.kill(signal)
    child.kill('SIGCONT')
    const timer = setTimeout(() => child.kill('SIGKILL'), STOP_PATIENCE)
    await ended
    clearTimeout(timer)
  }

  #yaml(): string {
    const { address, nativePort, storagePort, seed, token, folder, settings } = this.#init
    const lines: Record<string, string> = {
      cluster_name: 'waku',
      partitioner: 'org.apache.cassandra.dht.Murmur3Partitioner',
      num_tokens: '1',
      initial_token: `"${token}"`,
      auto_bootstrap: 'false',
      listen_address: address,
      rpc_address: address,
      storage_port: String(storagePort),
      native_transport_port: String(nativePort),
      endpoint_snitch: 'SimpleSnitch',
      seed_provider: `[{class_name: org.apache.cassandra.locator.SimpleSeedProvider, parameters: [{seeds: "${seed}:${storagePort}"}]}]`,
      data_file_directories: `[${folder}/data]`,
      commitlog_directory: `${folder}/commitlog`,
      saved_caches_directory: `${folder}/saved_caches`,
      hints_directory: `${folder}/hints`,
      // a write is confirmed once it is on disk
      commitlog_sync: 'batch',
      // as the cassandra.yaml of its distribution has it
      disk_failure_policy: 'stop',
      commit_failure_policy: 'stop',
      commitlog_segment_size: '32MiB',
      commitlog_total_space: '256MiB',
      auto_snapshot: 'false',
      concurrent_compactors: '1',
      // a busy machine with few cores
      write_request_timeout: '5s',
      cas_contention_timeout: '5s',
      ...settings
    }
    return Object.entries(lines)
      .map(([name, value]) => `${name}: ${value}\n`)
      .join('')
  }
}
