import type { ComponentLogger, Logger } from '@libp2p/interface'
import { defaultLogger, enabled } from '@libp2p/logger'

const LOUD = defaultLogger()

/**
 * libp2p's logger, made only for what is switched on: each connection and each stream has some loggers of its own, which take
 * longer to make than what they would say, and more memory than the connection.
 */
export function quietLogger(): ComponentLogger {
  return { forComponent: scope }
}

function scope(name: string): Logger {
  const at = (level: string): ((...args: unknown[]) => void) => {
    let loud: Logger | undefined
    return (...args) => {
      if (!enabled(name + level)) return
      loud ??= LOUD.forComponent(name)
      const log = level === '' ? loud : level === ':error' ? loud.error : loud.trace
      log(...(args as [unknown]))
    }
  }
  return Object.assign(at(''), {
    error: at(':error'),
    trace: at(':trace'),
    enabled: enabled(name),
    newScope: (inner: string) => scope(`${name}:${inner}`)
  }) as Logger
}
