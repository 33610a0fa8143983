import { z } from 'zod'
import { checkNames } from '../../wire/checks.js'
import { nearest } from '../../wire/nearest.js'
import { JsonSettingsError, readJsonSettings } from './json-settings.js'
import { optionMeta } from './option.js'

/** A setting is wrong: the message names it, where it came from and what is allowed. */
export class ConfigError extends Error {
  static override readonly name = 'ConfigError'
  override readonly name = 'ConfigError'
}

/** Keys are the names of flags without the dashes: `min-pow` is `--min-pow`, `WAKU_MAILSERVER_MIN_POW` and `"min-pow"`. */
export type ConfigShape = Record<string, z.ZodType>

export interface ConfigSources {
  /** By key, as the flag parser returns them. */
  flags: Record<string, unknown>
  env: Record<string, string | undefined>
}

const ENV_PREFIX = 'WAKU_MAILSERVER_'

interface Given {
  value: unknown
  /** As the user wrote it: the flag, the variable, or the key and file. */
  name: string
}

/** The variable that sets a key; `type` is what the key stands for, where a key has several meanings. */
export function envName(key: string, type?: z.ZodType): string {
  return `${ENV_PREFIX}${(metaOf(type)?.env ?? key).toUpperCase().replaceAll('-', '_')}`
}

/**
 * What is in the environment without effect, a line each: a slip in a variable's name would otherwise go unnoticed.
 * @param shapes all that there are
 */
export function strayVariables(shapes: readonly ConfigShape[], env: ConfigSources['env']): string[] {
  const options = shapes.flatMap(shape => Object.entries(shape))
  const flagOf = (type: z.ZodType): boolean => metaOf(type)?.flagOnly === true
  const known = new Set(options.filter(([, type]) => !flagOf(type)).map(([key, type]) => envName(key, type)))
  const flags = new Map(options.filter(([, type]) => flagOf(type)).map(([key]) => [envName(key), key]))
  return Object.keys(env).flatMap(name => {
    if (!name.startsWith(ENV_PREFIX) || known.has(name)) return []
    const flag = flags.get(name)
    const reason = flag === undefined ? 'is no setting' : `belongs to one run: give --${flag} there`
    const other = flag === undefined ? nearest(name, [...known]) : undefined
    return [`${name} in the environment ${reason}, and is ignored${other === undefined ? '' : `; is it ${other}?`}`]
  })
}

/**
 * Settings from flags, then environment, then the JSON file that `config` names: the first that has a key wins.
 * @param shape what is wanted
 * @param others settings that the file may hold besides, for whoever else reads it; they are not looked at
 * @throws ConfigError, or the typed error of a value that this build cannot serve
 */
export function readConfig<S extends ConfigShape>(
  shape: S,
  sources: ConfigSources,
  others: ConfigShape = {}
): z.output<z.ZodObject<S>> {
  const given = new Map<string, Given>()
  const file = configFile(shape, sources, others)
  for (const key of Object.keys(shape)) {
    const found = fromFlags(key, sources) ?? fromEnv(key, shape, sources) ?? file.get(key)
    if (found !== undefined) given.set(key, found)
  }
  const values = Object.fromEntries([...given].map(([key, { value }]) => [key, value]))
  const result = z.strictObject(shape).safeParse(values)
  if (result.success) return result.data as z.output<z.ZodObject<S>>
  throw explain(result.error, shape, given)
}

/**
 * Refuses what is no setting, and a text that `readConfig` has still to make one of.
 * @throws ConfigError
 */
export function checkConfig(config: unknown, shape: ConfigShape): void {
  checkNames(config, 'a config', Object.keys(shape).join(' '), ConfigError)
  const isText = (value: unknown): boolean => [value].flat().some(each => typeof each === 'string')
  for (const [key, type] of Object.entries(shape)) {
    const value = (config as Record<string, unknown>)[key]
    if (!isText(value)) continue
    const read = type.safeParse(value)
    if (!read.success || !isText(read.data))
      throw new ConfigError(`"${key}": ${show(value)} is a text, and no setting yet: readConfig makes one of it`)
  }
}

function fromFlags(key: string, { flags }: ConfigSources): Given | undefined {
  return flags[key] === undefined ? undefined : { value: flags[key], name: `--${key}` }
}

function fromEnv(key: string, shape: ConfigShape, { env }: ConfigSources): Given | undefined {
  const name = envName(key, shape[key])
  const value = env[name]
  if (value === undefined || value === '' || metaOf(shape[key])?.flagOnly === true) return undefined
  return { value, name: `${name} (environment)` }
}

function configFile(shape: ConfigShape, sources: ConfigSources, others: ConfigShape): Map<string, Given> {
  const named = 'config' in shape ? (fromFlags('config', sources) ?? fromEnv('config', shape, sources)) : undefined
  if (named === undefined) return new Map()
  const path = String(named.value)
  const all = { ...others, ...shape }
  const inFile = (key: string): boolean =>
    [shape, others].some(some => key in some && metaOf(some[key])?.flagOnly !== true)
  const allowed = Object.keys(all).filter(key => key !== 'config' && inFile(key))
  try {
    const given = new Map<string, Given>()
    for (const { key, value, keyAt, valueAt } of readJsonSettings(path)) {
      if (!allowed.includes(key)) {
        const other = nearest(key, allowed)
        const hint = other === undefined ? `allowed are ${allowed.join(', ')}` : `is it "${other}"?`
        throw new ConfigError(`"${key}" in ${path}, ${keyAt}: no such setting; ${hint}`)
      }
      given.set(key, { value, name: `"${key}" in ${path}, ${valueAt}` })
    }
    return given
  } catch (err) {
    if (err instanceof JsonSettingsError) throw new ConfigError(`${named.name}: ${err.message}`)
    throw err
  }
}

/** One line for the first thing that is wrong. */
function explain(error: z.ZodError, shape: ConfigShape, given: Map<string, Given>): Error {
  const issue = error.issues[0]
  const key = String(issue?.path[0] ?? '')
  const name = given.get(key)?.name ?? `--${key}`
  const cause = causeOf(issue)
  const expected = `expected ${metaOf(shape[key])?.allowed ?? 'another value'}`
  const reason = issue?.message.startsWith('expected ')
    ? issue.message
    : `${expected}, got ${show(given.get(key)?.value)}`
  if (cause !== undefined && cause.name !== 'ValueError') {
    cause.message = `${name}: ${cause.message}`
    return cause
  }
  return new ConfigError(`${name}: ${reason}`)
}

function causeOf(issue: z.core.$ZodIssue | undefined): Error | undefined {
  const cause: unknown = issue?.code === 'custom' ? issue.params?.cause : undefined
  return cause instanceof Error ? cause : undefined
}

function show(value: unknown): string {
  const text = JSON.stringify(value) ?? String(value)
  return text.length > 80 ? `${text.slice(0, 77)}…` : text
}

export function metaOf(type: z.ZodType | undefined): ReturnType<typeof optionMeta.get> {
  return type === undefined ? undefined : optionMeta.get(type)
}
