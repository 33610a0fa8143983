import { type ParseArgsConfig, parseArgs } from 'node:util'
import { type ConfigShape, metaOf } from '../node/settings/config.js'
import { nearest } from '../wire/nearest.js'
import { type Command, UsageError } from './command.js'

export interface ParsedArguments {
  /** By option name; only what was given. */
  flags: Record<string, unknown>
  operands: string[]
  help: boolean
}

/** Finds the command that the arguments name, two words before one. */
export function findCommand(commands: readonly Command[], args: readonly string[]): [Command, string[]] | undefined {
  for (const words of [2, 1]) {
    const command = commands.find(({ name }) => name === args.slice(0, words).join(' '))
    if (command !== undefined) return [command, args.slice(words)]
  }
  return undefined
}

/** Reads flags and operands as the command's shape says. Throws `UsageError`. */
export function parseArguments(command: Command, args: string[]): ParsedArguments {
  const { values, positionals } = parse(command, args)
  const { help, ...given } = values
  const flags = Object.fromEntries(Object.entries(given).map(([key, value]) => [key, once(command, key, value)]))
  const wanted = command.operands ?? []
  if (help !== true && positionals.length !== wanted.length) {
    const given = positionals.length > wanted.length ? `unexpected "${positionals[wanted.length]}"` : undefined
    throw new UsageError(`${command.name}: ${given ?? `needs ${wanted[positionals.length]}`}${seeHelp(command)}`)
  }
  return { flags, operands: positionals, help: help === true }
}

function parse(command: Command, args: string[]): ReturnType<typeof parseArgs> {
  try {
    return parseArgs({ args, options: optionsOf(command.shape), strict: true, allowPositionals: true })
  } catch (err) {
    const message = (err as Error).message
    const unknown = /Unknown option '(-{1,2}[^']*)'/.exec(message)?.[1]
    const valueless = /Option '(?:-\w, )?--([\w-]+)[^']*' argument (?:is ambiguous|missing)/.exec(message)?.[1]
    const reason =
      valueless !== undefined
        ? needsValue(command, valueless)
        : unknown !== undefined
          ? unknownOption(command, unknown)
          : firstSentence(message)
    throw new UsageError(`${command.name}: ${reason}${seeHelp(command)}`)
  }
}

function optionsOf(shape: ConfigShape): NonNullable<ParseArgsConfig['options']> {
  const options: NonNullable<ParseArgsConfig['options']> = { help: { type: 'boolean', short: 'h' } }
  for (const [key, type] of Object.entries(shape)) {
    const meta = metaOf(type)
    if (meta?.value === undefined) options[key] = { type: 'boolean' }
    else options[key] = { type: 'string', multiple: true }
  }
  return options
}

/** A list may be given several times; of two other values none is the one that was meant. */
function once(command: Command, key: string, value: unknown): unknown {
  if (!Array.isArray(value) || metaOf(command.shape[key])?.list === true) return value
  if (value.length > 1) throw new UsageError(`${command.name}: --${key} is given ${value.length} times`)
  return value[0]
}

function needsValue({ shape }: Command, key: string): string {
  const allowed = metaOf(shape[key])?.allowed ?? 'a value'
  return `--${key}: expected ${allowed}; a value that begins with a dash is written --${key}=-…`
}

function unknownOption(command: Command, option: string): string {
  const other = nearest(option, [...Object.keys(command.shape).map(key => `--${key}`), '--help'])
  return `unknown option ${option}${other === undefined ? '' : `, is it ${other}?`}`
}

function firstSentence(message: string): string {
  const text = message.split(/\.\s|\n/)[0] ?? message
  return text.charAt(0).toLowerCase() + text.slice(1)
}

function seeHelp(command: Command): string {
  return ` (see waku-mailserver help ${command.name})`
}
