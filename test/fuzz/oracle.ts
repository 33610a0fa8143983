import { isDeepStrictEqual } from 'node:util'
import { equalBytes, toHex } from '../../src/wire/bytes.js'

/**
 * What a fuzzer feeds. It throws on whatever must not be; otherwise it says whether the decoder took the input, so that a corpus
 * can be asked to hold both kinds.
 */
export type FuzzTarget = (input: Uint8Array) => boolean

type ErrorClass = abstract new (...args: never[]) => Error

/** What a decoder made of an input: its result, or one of the errors that it may throw. Anything else is a finding. */
export type Attempt<T> = { readonly value: T } | { readonly error: Error }

/** @param errors all that the decoder may throw: their very classes, no heirs */
export function attempt<T>(decode: () => T, ...errors: ErrorClass[]): Attempt<T> {
  try {
    return { value: decode() }
  } catch (error) {
    if (error instanceof Error && errors.some(kind => kind === error.constructor)) return { error }
    throw new Error(`no error of ${errors.map(kind => kind.name).join(', ')}: ${error}`, { cause: error })
  }
}

/** The result; undefined after a refusal. For decoders that return no undefined. */
export function read<T>(decode: () => T, ...errors: ErrorClass[]): T | undefined {
  const tried = attempt(decode, ...errors)
  return 'value' in tried ? tried.value : undefined
}

export function check(holds: boolean, what: string): asserts holds {
  if (!holds) throw new Error(what)
}

export function checkBytes(actual: Uint8Array, expected: Uint8Array, what: string): void {
  if (!equalBytes(actual, expected)) throw new Error(`${what}: ${shown(actual)} for ${shown(expected)}`)
}

export function checkSame(actual: unknown, expected: unknown, what: string): void {
  if (!isDeepStrictEqual(actual, expected)) throw new Error(`${what}: ${shown(actual)} for ${shown(expected)}`)
}

/**
 * No input may grow: what comes of it has a bound.
 * @param bound.factor bytes of the result for each byte of input
 * @param bound.more bytes that any result may have
 */
export function checkSmall(result: unknown, input: Uint8Array, bound: { factor?: number; more?: number } = {}): void {
  const { factor = 16, more = 1024 } = bound
  const size = sizeOf(result)
  if (size > factor * input.length + more) throw new Error(`${size} bytes came out of ${input.length}`)
}

/** Bytes of a result as far as its shape tells: what it points to, and what an object costs. */
function sizeOf(value: unknown): number {
  if (typeof value === 'string') return 2 * value.length
  if (typeof value !== 'object' || value === null) return 8
  if (ArrayBuffer.isView(value)) return 8 + value.byteLength
  const parts: Iterable<unknown> = value instanceof Map ? [...value].flat() : Object.values(value)
  let size = 8
  for (const part of parts) size += sizeOf(part)
  return size
}

function shown(value: unknown): string {
  const hex = (_: string, item: unknown): unknown =>
    item instanceof Uint8Array ? toHex(item) : typeof item === 'bigint' ? String(item) : item
  return value instanceof Uint8Array ? toHex(value) : (JSON.stringify(value, hex) ?? String(value))
}

const decoder = new TextDecoder()

/** The input as a person's text, for the decoders that read one. */
export function textOf(input: Uint8Array): string {
  return decoder.decode(input)
}
