import { checkNames, describe, type ErrorClass } from './checks.js'

/** Longer, a timer would be over at once. */
const MAX_TIMEOUT = 2 ** 31 - 1

/**
 * An object that has nothing but what is named, and whose `signal` and `timeout` are those.
 *
 * @param what with its article: `a query`
 * @param names what it may have
 * @throws the error class, with the first that is wrong
 */
export function checkOptions(value: unknown, what: string, names: object, ErrorOf: ErrorClass): void {
  checkNames(value, what, Object.keys(names).join(' '), ErrorOf)
  const { signal, timeout } = value as { signal?: AbortSignal; timeout?: number }
  if (signal !== undefined && typeof signal?.throwIfAborted !== 'function')
    throw new ErrorOf(`signal is an AbortSignal, not ${describe(signal)}`)
  if (timeout !== undefined && !(Number.isInteger(timeout) && timeout >= 0 && timeout <= MAX_TIMEOUT))
    throw new ErrorOf(`timeout is an integer of ms, 0 to ${MAX_TIMEOUT}, not ${describe(timeout)}`)
}
