import type { ComponentLogger, Logger } from '@libp2p/interface'

const logger: Logger = Object.assign(() => {}, {
  enabled: false,
  error: () => {},
  trace: () => {},
  newScope: () => logger
}) as unknown as Logger

/** A logger that says nothing. */
export const silentLogger = (): ComponentLogger => ({ forComponent: () => logger })
