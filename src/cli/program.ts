import { packageVersion } from '../node/package-version.js'
import { ConfigError, readConfig, strayVariables } from '../node/settings/config.js'
import { findCommand, parseArguments } from './arguments.js'
import { type Command, type CommandContext, UsageError } from './command.js'
import { helpBrief, helpCommand, helpOverview } from './help.js'
import { LogStream } from './log-stream.js'
import { writeLine } from './output.js'

export const EXIT_FAILURE = 1
export const EXIT_USAGE = 2
/** What a shell reports for a program that SIGPIPE ended. */
export const EXIT_BROKEN_PIPE = 141
export const EXIT_INTERRUPTED = 130

/** Runs what the arguments say and resolves with the exit code. Errors become one line on stderr. */
export async function runProgram(
  commands: readonly Command[],
  args: string[],
  context: CommandContext
): Promise<number> {
  try {
    return await dispatch(commands, args, context)
  } catch (err) {
    return report(err, context)
  }
}

async function dispatch(commands: readonly Command[], args: string[], context: CommandContext): Promise<number> {
  const { stdout, signal } = context
  const [first, ...rest] = args
  const print = async (text: string): Promise<number> => {
    await writeLine(stdout, text.trimEnd(), { signal })
    return 0
  }
  if (first === 'version' || first === '--version') return print(packageVersion())
  if (first === undefined || first === '--help' || first === '-h') {
    await print(helpOverview(commands))
    return first === undefined ? EXIT_USAGE : 0
  }
  if (first === 'help') return print(helpOn(commands, rest))
  const found = findCommand(commands, args)
  if (found === undefined) throw new UsageError(unknownCommand(commands, first))
  const [command, commandArgs] = found
  const { flags, operands, help } = parseArguments(command, commandArgs)
  if (help) return print(helpBrief(command))
  const read = () => readConfig(command.shape, { flags, env: context.env }, command.fileOf)
  const config = readable(read)
  if (config.value?.log === 'json' && context.stderr instanceof LogStream) context.stderr.format = 'json'
  await warnOfStrays(commands, context)
  if (flags.password !== undefined) {
    const warning = '--password is seen by everyone on this machine: prefer --password-file'
    await writeLine(context.stderr, `waku-mailserver: ${warning}`, { signal })
  }
  if (config.value === undefined) throw config.error
  return command.run(config.value, operands, context, read)
}

/** What is wrong with the settings is said after what is odd in the environment: that may be why. */
function readable<T>(read: () => T): { value: T; error?: undefined } | { value?: undefined; error: unknown } {
  try {
    return { value: read() }
  } catch (error) {
    return { error }
  }
}

function helpOn(commands: readonly Command[], words: string[]): string {
  if (words.length === 0) return helpOverview(commands)
  const name = words.join(' ')
  const wanted = commands.filter(command => command.name === name || command.name.startsWith(`${name} `))
  if (wanted.length === 0) throw new UsageError(unknownCommand(commands, name))
  return wanted.map(helpCommand).join('\n')
}

function unknownCommand(commands: readonly Command[], name: string): string {
  const same = commands.filter(command => command.name.startsWith(`${name} `)).map(command => command.name)
  return same.length > 0
    ? `${name}: needs one of ${same.join(', ')}`
    : `no such command: ${name} (see waku-mailserver help)`
}

/** A variable with a slip in its name would be silently without effect. */
async function warnOfStrays(commands: readonly Command[], { env, stderr, signal }: CommandContext): Promise<void> {
  const lines = strayVariables(
    commands.map(({ shape }) => shape),
    env
  )
  for (const line of lines) await writeLine(stderr, `waku-mailserver: ${line}`, { signal })
}

function report(err: unknown, { env, stderr }: CommandContext): number {
  const error = err instanceof Error ? err : new Error(String(err))
  if (error.name === 'BrokenPipeError') return EXIT_BROKEN_PIPE
  const text = env.DEBUG === undefined ? plain(firstLine(error.message || error.name)) : (error.stack ?? error.message)
  if (stderr instanceof LogStream) stderr.log('error', text)
  else stderr.write(`waku-mailserver: ${text}\n`)
  if (error.name === 'InterruptedError') return EXIT_INTERRUPTED
  return error instanceof UsageError || error instanceof ConfigError ? EXIT_USAGE : EXIT_FAILURE
}

const NO_ROOM = '; make room, which "waku-mailserver prune" can too, and run this again'

/** What LevelDB says, and a datastore repeats with the name of the class, for a person. */
function plain(text: string): string {
  const bare = text.replace(/^(?:Archive)?Error: /, '')
  return /no space left on device(?:: \d+ MiB have to be freed)?$/i.test(bare) ? `${bare}${NO_ROOM}` : bare
}

function firstLine(text: string): string {
  return text.replace(/\s*\n\s*/g, ' ')
}
