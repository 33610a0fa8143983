import { z } from 'zod'
import { byteSizeWithin, parseByteSize } from './byte-size.js'
import { durationWithin, parseDuration } from './duration.js'
import { ValueError } from './value-error.js'

/** What the help, the flag parser and error messages need to know about one option beside its zod type. */
export interface OptionMeta {
  /** One line for the help. */
  about: string
  /** Placeholder in the help, such as `<duration>`; absent for a switch. */
  value?: string | undefined
  /** The allowed values, for messages. */
  allowed: string
  /** How the default reads in the help. */
  fallback?: string | undefined
  /** May be given several times, or with commas in between. */
  list?: boolean | undefined
  /** Neither file nor environment may set it: it belongs to one run. */
  flagOnly?: boolean | undefined
  /** The variable that sets it is named for this instead of its key. */
  env?: string | undefined
}

/** Options of the program, keyed by their zod type. */
export const optionMeta = z.registry<OptionMeta>()

type Extra = Pick<OptionMeta, 'fallback' | 'flagOnly' | 'env'> & { value?: string | undefined }

/** A number in a file is no text: whoever writes `30` may mean seconds or days, and `1e3` may be a password. */
const TEXT = z.string()
const NUMBER = z.union([TEXT, z.number().transform(String)])

function parsed<T>(parse: (text: string) => T, type: z.ZodType<string> = TEXT): z.ZodType<T> {
  return type.transform((text, ctx) => {
    try {
      return parse(text)
    } catch (err) {
      ctx.addIssue({ code: 'custom', message: (err as Error).message, params: { cause: err } })
      return z.NEVER
    }
  }) as z.ZodType<T>
}

function register<T extends z.ZodType>(type: T, meta: OptionMeta): T {
  optionMeta.add(type, meta as never)
  return type
}

/** A text that `parse` understands; `parse` throws to say why not. */
export function textOption<T>(
  parse: (text: string) => T,
  allowed: string,
  value: string,
  about: string,
  extra: Extra = {}
): z.ZodOptional<z.ZodType<T>> {
  return register(parsed(parse).optional(), { about, value, allowed, ...extra })
}

/**
 * Several of them: a flag may be repeated, a file may have an array, and commas separate everywhere. Each is trimmed, and one
 * that is empty is refused. With `some` a file's empty array is refused too: where no list means all, an empty one is unclear.
 */
export function listOption<T>(
  parse: (text: string) => T,
  allowed: string,
  value: string,
  about: string,
  { some, ...extra }: Extra & { some?: boolean } = {}
): z.ZodOptional<z.ZodType<T[]>> {
  const texts = z.union([TEXT.transform(text => [text]), z.array(TEXT)])
  const split = texts.transform((list, ctx) => {
    const items = list.flatMap(text => text.split(',')).map(text => text.trim())
    const empty = items.includes('') || (some === true && items.length === 0)
    if (empty) ctx.addIssue({ code: 'custom', message: `expected ${allowed}, between commas, got ${inQuotes(list)}` })
    return empty ? z.NEVER : items
  })
  const type = split.pipe(z.array(parsed(parse)) as z.ZodType<T[], string[]>)
  return register(type.optional(), { about, value, allowed, list: true, ...extra })
}

function inQuotes(list: readonly string[]): string {
  if (list.length === 0) return 'an empty list'
  return `${JSON.stringify(list.join(', '))}, in which ${list.join('').trim() === '' ? 'there is nothing' : 'one is empty'}`
}

/** A file path or another text that is taken as it is; empty is refused. */
export function plainOption(value: string, about: string, extra: Extra = {}): z.ZodOptional<z.ZodType<string>> {
  const allowed = 'a text that is not empty'
  return textOption(text => nonEmpty(text, allowed), allowed, value, about, extra)
}

/** Seconds, from `min` to `max`, both allowed. */
export function durationOption(
  about: string,
  range: { min: number; max: number },
  extra: Extra = {}
): z.ZodOptional<z.ZodType<number>> {
  return textOption(text => parseDuration(text, range), durationWithin(range), '<duration>', about, extra)
}

/** Bytes, from `min` to `max`, both allowed. */
export function byteSizeOption(
  about: string,
  range: { min: number; max: number },
  extra: Extra = {}
): z.ZodOptional<z.ZodType<number>> {
  return textOption(text => parseByteSize(text, range), byteSizeWithin(range), '<size>', about, extra)
}

/** A number from `min` to `max`, both allowed; whole if `integer`. */
export function numberOption(
  about: string,
  range: { min: number; max: number; integer?: boolean },
  extra: Extra = {}
): z.ZodOptional<z.ZodType<number>> {
  const allowed = `a ${range.integer === true ? 'whole ' : ''}number, ${range.min} to ${range.max}`
  const parse = (text: string): number => {
    const number = /^\d+(?:\.\d+)?(?:e[+-]?\d+)?$/i.test(text.trim()) ? Number(text) : Number.NaN
    const whole = range.integer !== true || Number.isInteger(number)
    if (!whole || !(number >= range.min && number <= range.max)) throw new ValueError(allowed, text)
    return number
  }
  return register(parsed(parse, NUMBER).optional(), { about, value: '<number>', allowed, ...extra })
}

export function choiceOption<const T extends string>(
  choices: readonly T[],
  about: string,
  extra: Extra = {}
): z.ZodOptional<z.ZodType<T>> {
  const allowed = `one of ${choices.join(', ')}`
  const parse = (text: string): T => {
    const choice = choices.find(choice => choice === text)
    if (choice === undefined) throw new ValueError(allowed, text)
    return choice
  }
  return textOption(parse, allowed, extra.value ?? `<${choices.join('|')}>`, about, extra)
}

/** On or off: a bare flag on the command line, `true` or `false` elsewhere. */
export function switchOption(about: string, extra: Extra = {}): z.ZodOptional<z.ZodType<boolean>> {
  const allowed = 'true or false'
  const type = z.union([z.boolean(), z.stringbool({ truthy: ['true', '1'], falsy: ['false', '0'] })], {
    error: issue => new ValueError(allowed, issue.input).message
  })
  return register((type as z.ZodType<boolean>).optional(), { about, allowed, ...extra })
}

function nonEmpty(text: string, allowed: string): string {
  if (text === '') throw new ValueError(allowed, text)
  return text
}
