import type { Readable, Writable } from 'node:stream'
import type { z } from 'zod'
import type { ConfigShape } from '../node/settings/config.js'

/** What a command may touch of the process around it. */
export interface CommandContext {
  readonly env: Record<string, string | undefined>
  readonly stdin: Readable
  readonly stdout: Writable
  readonly stderr: Writable & { isTTY?: boolean | undefined }
  /** Aborted by the first SIGINT or SIGTERM, and by SIGHUP where that does not mean to read settings again. */
  readonly signal: AbortSignal
  /** Has a listener called on SIGHUP, and at once when one came before; only there for a node that is not on a terminal. Returns what ends that. */
  readonly onHangup?: ((listener: () => void) => () => void) | undefined
}

export interface Command<S extends ConfigShape = ConfigShape> {
  /** As it is typed: `trust add`. */
  readonly name: string
  /** One line for the list of commands. */
  readonly about: string
  /** Longer help, below the options. */
  readonly details?: string | undefined
  /** Names of what follows the command, all of it required. */
  readonly operands?: readonly string[] | undefined
  readonly shape: S
  /** Keys of the shape that `--help` tells; all of them when absent. `help <command>` tells all. */
  readonly brief?: readonly (keyof S & string)[] | undefined
  /** Settings of another command whose config file this one reads; those that it does not have itself are not looked at. */
  readonly fileOf?: ConfigShape | undefined
  /**
   * Resolves with the exit code; throws to say why it failed. `again` reads the settings once more, from the same flags, environment
   * and file.
   */
  run(
    config: z.output<z.ZodObject<S>>,
    operands: string[],
    context: CommandContext,
    again: () => z.output<z.ZodObject<S>>
  ): Promise<number>
}

/** Lets a command's own types through to a list of commands of all kinds. */
export function defineCommand<S extends ConfigShape>(command: Command<S>): Command {
  return command as unknown as Command
}

/** The command line was not understood; exit code 2. */
export class UsageError extends Error {
  static override readonly name = 'UsageError'
  override readonly name = 'UsageError'
}

/** The command was told to stop by a signal. */
export class InterruptedError extends Error {
  static override readonly name = 'InterruptedError'
  override readonly name = 'InterruptedError'

  constructor() {
    super('interrupted')
  }
}
