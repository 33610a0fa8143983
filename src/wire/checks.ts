import { nearest } from './nearest.js'

/** An error class of the edge where something came in. */
export type ErrorClass = new (message: string) => Error

/** What a value is, for a message: its kind and length, never its content. */
export function describe(value: unknown): string {
  if (value === null || value === undefined) return String(value)
  if (isBytes(value)) return `${value.length} bytes`
  if (typeof value === 'string') return `a string of ${value.length} characters`
  if (Array.isArray(value)) return `an array of ${value.length}`
  if (typeof value !== 'object')
    return typeof value === 'function' ? 'a function' : `the ${typeof value} ${String(value)}`
  const { name } = (Object.getPrototypeOf(value) as { constructor?: { name?: string } } | null)?.constructor ?? {}
  return name === undefined || name === '' ? 'an object' : `an object of ${name}`
}

/** Whether it is a Uint8Array, also one of another realm. */
export function isBytes(value: unknown): value is Uint8Array {
  return value instanceof Uint8Array || Object.prototype.toString.call(value) === '[object Uint8Array]'
}

/**
 * @param what with its article: `a topic`
 * @param lengths that are taken; any when none is named
 * @throws the error class, with what was expected and what was given
 */
export function checkBytes(value: unknown, what: string, ErrorOf: ErrorClass, ...lengths: number[]): void {
  if (isBytes(value) && (lengths.length === 0 || lengths.includes(value.length))) return
  const expected = lengths.length === 0 ? 'a Uint8Array' : `a Uint8Array of ${lengths.join(' or ')} bytes`
  throw new ErrorOf(`${what} is ${expected}, not ${describe(value)}`)
}

/** The same for a list of topics, 4 bytes each. */
export function checkTopics(topics: unknown, ErrorOf: ErrorClass): void {
  if (!Array.isArray(topics))
    throw new ErrorOf(`topics are an array of Uint8Arrays of 4 bytes, not ${describe(topics)}`)
  for (const topic of topics) checkBytes(topic, 'a topic', ErrorOf, 4)
}

/**
 * Each setting that is given is of the type of its default, where that is one; a number is no NaN and not negative.
 *
 * @throws the error class, with the first that is not
 */
export function checkSettings(given: object, defaults: object, ErrorOf: ErrorClass): void {
  for (const [name, usual] of Object.entries(defaults)) {
    const value = (given as Record<string, unknown>)[name]
    if (value === undefined || usual === undefined) continue
    if (typeof usual === 'number') checkNumber(value, name, ErrorOf)
    else if (typeof value !== typeof usual) throw new ErrorOf(`${name} is a ${typeof usual}, not ${describe(value)}`)
  }
}

/**
 * An object that has nothing but what is named; what is undefined is not there.
 *
 * @param names separated by blanks
 * @throws the error class, with the first that is wrong, and what was probably meant
 */
export function checkNames(value: unknown, what: string, names: string, ErrorOf: ErrorClass): void {
  checkObject(value, what, ErrorOf)
  for (const [name, part] of Object.entries(value as object)) {
    if (part === undefined || names.split(' ').includes(name)) continue
    const meant = nearest(name, names.split(' '))
    throw new ErrorOf(`${what} has no ${name}${meant === undefined ? `, only ${names}` : `: did you mean ${meant}?`}`)
  }
}

/** @throws the error class when it is no number, NaN, or negative */
export function checkNumber(value: unknown, what: string, ErrorOf: ErrorClass): void {
  if (typeof value !== 'number' || !(value >= 0))
    throw new ErrorOf(`${what} is a number of 0 or more, not ${describe(value)}`)
}

/** @throws the error class when it is no function */
export function checkFunction(value: unknown, what: string, ErrorOf: ErrorClass): void {
  if (typeof value !== 'function') throw new ErrorOf(`${what} is a function, not ${describe(value)}`)
}

/** @throws the error class when it is neither true nor false */
export function checkBoolean(value: unknown, what: string, ErrorOf: ErrorClass): void {
  if (typeof value !== 'boolean') throw new ErrorOf(`${what} is a boolean, not ${describe(value)}`)
}

/** @throws the error class when it is none, or null, or a list */
export function checkObject(value: unknown, what: string, ErrorOf: ErrorClass): void {
  if (value === null || typeof value !== 'object' || Array.isArray(value))
    throw new ErrorOf(`${what} is an object, not ${describe(value)}`)
}

/** @throws the error class when it is no string, or an empty one where `filled` is asked for */
export function checkString(
  value: unknown,
  what: string,
  ErrorOf: ErrorClass,
  options: { filled?: boolean } = {}
): void {
  if (typeof value !== 'string') throw new ErrorOf(`${what} is a string, not ${describe(value)}`)
  if (options.filled === true && value === '') throw new ErrorOf(`${what} is not empty`)
}
