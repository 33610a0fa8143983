import { once } from 'node:events'
import { anySignal } from '../../base/any-signal.js'
import type { Daemon } from '../../node/daemon.js'
import { oddities } from '../../node/node-networks.js'
import { notifyServiceManager } from '../../node/operator/service-manager.js'
import { watchParent } from '../../node/parent-watch.js'
import { DEFAULT_DEVP2P_PORT } from '../../node/settings/devp2p-listen.js'
import { type StartConfig, startShape } from '../../node/settings/start-config.js'
import { type CommandContext, defineCommand, UsageError } from '../command.js'
import { LogStream } from '../log-stream.js'
import { writeJson, writeLine } from '../output.js'

export const start = defineCommand({
  name: 'start',
  about: 'run a mailserver node until SIGTERM or SIGINT',
  details:
    'Settings come from flags, the environment and the file that --config names, in this order; in the file they have the names of\n' +
    'the flags: {"retention": "30d", "listen": ["/ip4/0.0.0.0/tcp/30304"]}.',
  shape: startShape,
  brief: [
    'data-dir',
    'config',
    'listen',
    'announce',
    'tls-cert',
    'tls-key',
    'trusted-proxy',
    'password-file',
    'retention',
    'retention-size',
    'archive-topics',
    'peer',
    'upstream',
    'devp2p-listen',
    'admin-listen',
    'self-check'
  ],
  async run(config, _operands, context, again) {
    if (config.once === true && config['self-check'] !== true) throw new UsageError('start: --once needs --self-check')
    if (config['self-check'] === true) {
      const passed = await check(config, context)
      if (!passed || config.once === true) return passed ? 0 : 1
    }
    if (context.signal.aborted) return 0
    const orphaned = new AbortController()
    // from the beginning: whoever waits for the ready file may be gone as soon as it is there
    const unwatch = context.env.npm_lifecycle_event === undefined ? undefined : watchParent(() => orphaned.abort())
    try {
      await serve(config, again, context, anySignal([context.signal, orphaned.signal]))
    } finally {
      unwatch?.()
    }
    return 0
  }
})

async function serve(
  config: StartConfig,
  again: () => StartConfig,
  context: CommandContext,
  stop: AbortSignal
): Promise<void> {
  const { Daemon } = await import('../../node/daemon.js')
  const warn = (line: string): void => void context.stderr.write(`waku-mailserver: ${line}\n`)
  const notify = (...args: string[]): Promise<void> => notifyServiceManager(args, context.env, warn)
  const daemon = await Daemon.start(config, warn)
  let unlisten: (() => void) | undefined
  try {
    await announce(daemon, config, context).catch(ignoreBroken)
    await daemon.tellReady()
    const log = context.stderr instanceof LogStream ? context.stderr : undefined
    log?.log('info', 'serving')
    await notify('--ready', `--status=serving as ${daemon.ready.peerId}`)
    unlisten = context.onHangup?.(() => void reload(daemon, again).then(warn))
    // the listening sockets keep the process alive meanwhile
    if (!stop.aborted) await once(stop, 'abort')
    log?.log('info', 'stopping')
  } finally {
    unlisten?.()
    await notify('STOPPING=1')
    await daemon.stop()
  }
}

/** Reads the settings again and takes them over as far as that goes; what became of it, in a line. */
async function reload(daemon: Daemon, again: () => StartConfig): Promise<string> {
  try {
    const { changed, restart } = await daemon.reload(again())
    const done = changed.length === 0 ? 'nothing changed' : `changed ${changed.join(', ')}`
    const left = restart.length === 0 ? '' : `; ${restart.join(', ')} will change by a restart`
    return `settings read again: ${done}${left}`
  } catch (err) {
    return `the settings stay as they are: ${(err as Error).message}`
  }
}

/** Prints what the self-check found; a node whose main job fails must not take in anything. */
async function check(config: StartConfig, context: CommandContext): Promise<boolean> {
  const { stdout, stderr, signal } = context
  const { runSelfCheck } = await import('../../node/self-check.js')
  const { passed, text } = await runSelfCheck({ signal })
  if (config.json === true) await writeJson(stdout, { selfCheck: { passed, text } }, { signal })
  else await writeLine(passed ? stdout : stderr, `self-check: ${text}`, { signal })
  return passed
}

async function announce(
  daemon: Daemon,
  config: StartConfig,
  { stdout, stderr, signal }: CommandContext
): Promise<void> {
  const { dir, ready } = daemon
  for (const line of warnings(daemon, config)) await writeLine(stderr, `waku-mailserver: ${line}`, { signal })
  if (config.json === true) return writeJson(stdout, { ...ready, dataDir: dir.path }, { signal })
  for (const address of ready.multiaddrs) await writeLine(stdout, `listening: ${address}`, { signal })
  if (ready.enode !== null) await writeLine(stdout, `listening: ${ready.enode}`, { signal })
  if (ready.admin !== null) await writeLine(stdout, `admin: ${ready.admin} (token in ${dir.adminToken})`, { signal })
  await writeLine(stdout, `password: ${whereIs(config, dir.password)}`, { signal })
}

function warnings(daemon: Daemon, config: StartConfig): string[] {
  const { dir, devp2p } = daemon
  return [
    ...oddities(config),
    ...(dir.open ? [`others may read ${dir.path}: chmod 700 it`] : []),
    ...(devp2p?.yielded === true
      ? [`the devp2p port ${DEFAULT_DEVP2P_PORT} is in use, another was taken; choose one with --devp2p-listen`]
      : [])
  ]
}

/** A node serves on when nobody reads what it prints, when there is no room for that, or when it is told to stop meanwhile. */
function ignoreBroken(err: Error): void {
  if (!['BrokenPipeError', 'OutputError', 'InterruptedError'].includes(err.name)) throw err
}

/** Never the password itself. */
function whereIs(config: StartConfig, own: string): string {
  if (config['password-file'] !== undefined) return `in ${config['password-file']}`
  return config.password === undefined ? `in ${own}` : 'as it was given'
}
