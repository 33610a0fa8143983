import { envName, metaOf } from '../node/settings/config.js'
import type { Command } from './command.js'

const WIDTH = 34

/** What the program can do, a line each. */
export function helpOverview(commands: readonly Command[]): string {
  const lines = commands.map(command => row(synopsis(command), command.about))
  return `waku-mailserver <command> [options]

${lines.join('\n')}
${row('help [command]', 'say more about a command')}
${row('version', 'print the version')}

Every command takes --data-dir and --json. Times are now, a duration back (24h), Unix seconds, or ISO 8601. Durations and sizes
have a unit: 30d, 64MiB. Lists have commas in between, or the flag is given again. Settings may also come from the environment:
--min-pow is ${envName('min-pow')}, and a list is ${envName('listen')}=/ip4/127.0.0.1/tcp/30304,/ip6/::1/tcp/30304.
`
}

/** One command with its options, from the same schema that reads them. */
export function helpCommand(command: Command): string {
  const options = Object.entries(command.shape).map(([key, type]) => {
    const meta = metaOf(type)
    const fallback = meta?.fallback === undefined ? '' : ` (default ${meta.fallback})`
    return row(`--${key}${meta?.value === undefined ? '' : ` ${meta.value}`}`, `${meta?.about ?? ''}${fallback}`)
  })
  const details = command.details === undefined ? '' : `\n${command.details}\n`
  return `waku-mailserver ${synopsis(command)} [options]: ${command.about}\n\n${options.join('\n')}\n${details}`
}

const SCREEN = 80
const BRIEF_WIDTH = 27

/** The same on one screen: what most people need. Of a command that is short anyway everything. */
export function helpBrief(command: Command): string {
  const { name, about, shape, brief } = command
  if (brief === undefined) return helpCommand(command)
  const options = brief.map(key => {
    const meta = metaOf(shape[key])
    const left = `  --${key}${meta?.value === undefined ? '' : ` ${meta.value}`}`.padEnd(BRIEF_WIDTH)
    const text = fit(`${left} ${(meta?.about ?? '').split(/[;:]/)[0]}`)
    const fallback = meta?.fallback === undefined ? '' : ` (${meta.fallback})`
    return text.length + fallback.length <= SCREEN ? text + fallback : text
  })
  const others = Object.keys(shape).length - brief.length
  return `waku-mailserver ${name} [options]: ${about}

${options.join('\n')}

These and ${others} more: waku-mailserver help ${name}. Each may also stand in the
environment, --listen as ${envName('listen')}, or in the JSON file that
--config names. Durations and sizes have a unit: 30d, 64MiB.
`
}

function fit(text: string): string {
  return text.length <= SCREEN ? text : `${text.slice(0, text.lastIndexOf(' ', SCREEN - 1))}…`
}

function synopsis(command: Command): string {
  return [command.name, ...(command.operands ?? [])].join(' ')
}

function row(left: string, right: string): string {
  return left.length < WIDTH ? `  ${left.padEnd(WIDTH)} ${right}` : `  ${left}\n  ${' '.repeat(WIDTH)} ${right}`
}
