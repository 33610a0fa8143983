import { readFileSync } from 'node:fs'
import { evaluate, type Location, parse } from '@humanwhocodes/momoa'
import { fileTrouble } from '../data-dir/file-trouble.js'

/** A file of settings cannot be read, or is no JSON object; the message says where. */
export class JsonSettingsError extends Error {
  static override readonly name = 'JsonSettingsError'
  override readonly name = 'JsonSettingsError'
}

export interface JsonSetting {
  key: string
  value: unknown
  /** `line 3, column 5` */
  keyAt: string
  valueAt: string
}

const MAX_FILE_BYTES = 1024 * 1024
const MAX_DEPTH = 100
const EXAMPLE = 'a JSON object such as {"retention": "30d"}'

/** The members of the JSON object in a file, each key once, with their places. Throws `JsonSettingsError`. */
export function readJsonSettings(path: string): JsonSetting[] {
  const { body } = parseAt(path, readText(path))
  if (body.type !== 'Object') throw new JsonSettingsError(`${path}, ${at(body.loc.start)}: expected ${EXAMPLE}`)
  const settings = new Map<string, JsonSetting>()
  for (const { name, value } of body.members) {
    if (name.type !== 'String') continue // JSON has no other names
    const [key, keyAt, valueAt] = [name.value, at(name.loc.start), at(value.loc.start)]
    const first = settings.get(key)?.keyAt
    if (first !== undefined) throw new JsonSettingsError(`"${key}" in ${path}, ${keyAt}: given before, on ${first}`)
    settings.set(key, { key, value: evaluate(value), keyAt, valueAt })
  }
  return [...settings.values()]
}

function readText(path: string): string {
  let bytes: Buffer
  try {
    bytes = readFileSync(path)
  } catch (err) {
    throw new JsonSettingsError(`cannot read ${path}: ${fileTrouble(err)}`)
  }
  if (bytes.length > MAX_FILE_BYTES) throw new JsonSettingsError(`${path} is larger than 1 MiB`)
  try {
    return new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes)
  } catch {
    throw new JsonSettingsError(`${path} is not UTF-8: expected ${EXAMPLE}`)
  }
}

function parseAt(path: string, text: string): ReturnType<typeof parse> {
  if (text.startsWith('\ufeff')) {
    throw new JsonSettingsError(`${path}, line 1, column 1: a byte-order mark; save the file as UTF-8 without one`)
  }
  if (text.trim() === '') throw new JsonSettingsError(`${path} is empty: expected ${EXAMPLE}`)
  if (tooDeep(text)) throw new JsonSettingsError(`${path}: lists in lists, more than ${MAX_DEPTH} deep`)
  try {
    return parse(text, { mode: 'json' })
  } catch (err) {
    throw explain(err as Error & Partial<Location>, path, text)
  }
}

/** Each level takes the parser a call. */
function tooDeep(text: string): boolean {
  let depth = 0
  for (const char of text) {
    if (char === '[' || char === '{') depth++
    else if (char === ']' || char === '}') depth--
    if (depth > MAX_DEPTH) return true
  }
  return false
}

const COMMA = ', perhaps after a comma too many before it'

function explain({ message, line, column }: Error & Partial<Location>, path: string, text: string): JsonSettingsError {
  const what = message.replace(/\s*\(\d+:\d+\)$/, '')
  if (line === undefined || column === undefined) return new JsonSettingsError(`${path} is no JSON: ${what}`)
  const end = what.startsWith('Unexpected end')
  const place = end ? 'at its end' : at({ line, column })
  const before = text
    .split('\n')
    .slice(0, line)
    .join('\n')
    .slice(0, endOf(text, line, column))
    .trimEnd()
  const found = end
    ? 'something is missing'
    : `${JSON.stringify(text.split('\n')[line - 1]?.[column - 1] ?? '')} is unexpected`
  return new JsonSettingsError(`${path}, ${place}: no JSON: ${found}${before.endsWith(',') && !end ? COMMA : ''}`)
}

/** How many characters come before a place. */
function endOf(text: string, line: number, column: number): number {
  const lines = text.split('\n').slice(0, line - 1)
  return lines.reduce((sum, one) => sum + one.length + 1, 0) + column - 1
}

function at({ line, column }: { line: number; column: number }): string {
  return `line ${line}, column ${column}`
}
