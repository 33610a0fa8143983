import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import type { Command } from '../src/cli/command.js'
import { commands } from '../src/cli/commands.js'
import { envName, metaOf } from '../src/node/settings/config.js'
import { RELOADABLE } from '../src/node/settings/live-settings.js'
import { repositoryRoot } from '../test/helpers/repository.js'

/** Where the reference lies: `npm run settings` renews it. */
export const SETTINGS_FILE: string = join(repositoryRoot, 'scripts', 'deploy', 'settings.md')

/** Every command and setting of the program, out of the schemas that read them. */
export function settingsReference(): string {
  return `# Commands and settings

Made by \`npm run settings\` from the schemas that read them. A setting comes from its flag, from its variable in the environment, or from the JSON file that \`--config\` names, where its key is the flag without dashes in front; the first of these wins. A list has commas in
between, a flag may be repeated, a file has an array. Where there is no variable, the setting belongs to one run. Those of \`start\` with *reload* change without a restart when the node gets SIGHUP, which it answers by a line on stderr; so do the files that they name. A certificate is renewed by itself.

${commands.map(section).join('\n')}`
}

function section(command: Command): string {
  const { name, about, operands = [], shape } = command
  const rows = Object.keys(shape).map(key => row(key, command))
  const table =
    rows.length === 0 ? '' : `| Flag | | Default | Allowed | Variable |\n|---|---|---|---|---|\n${rows.join('\n')}\n`
  return `## ${[name, ...operands].join(' ').replaceAll('<', '\\<')}\n\n${capital(about)}.\n\n${table}`
}

function row(key: string, { name, shape }: Command): string {
  const type = shape[key]
  const meta = metaOf(type)
  const flag = `\`--${key}${meta?.value === undefined ? '' : ` ${meta.value}`}\``
  const variable = meta?.flagOnly === true || type === undefined ? '' : `\`${envName(key, type)}\``
  const cells = [
    flag,
    `${meta?.about ?? ''}${name === 'start' && RELOADABLE.has(key) ? ' *(reload)*' : ''}`,
    meta?.fallback ?? '',
    meta?.value === undefined ? '' : (meta?.allowed ?? ''),
    variable
  ]
  return `| ${cells.map(cell => cell.replaceAll('|', '\\|')).join(' | ')} |`
}

function capital(text: string): string {
  return text.charAt(0).toUpperCase() + text.slice(1)
}

if (process.argv[1] === fileURLToPath(import.meta.url)) writeFileSync(SETTINGS_FILE, settingsReference())
