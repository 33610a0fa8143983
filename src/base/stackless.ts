/** Does what makes many errors that only say what is wrong with what a peer sent: a stack of each costs more than all the rest. */
export function withoutStacks<T>(work: () => T): T {
  const limit = Error.stackTraceLimit
  Error.stackTraceLimit = 0
  try {
    return work()
  } finally {
    Error.stackTraceLimit = limit
  }
}
