import type { z } from 'zod'
import type { ControlHandler, ControlOptions } from './control-server.js'

/** A command came with parameters that it does not take. */
export class AdminError extends Error {
  static override readonly name = 'AdminError'
  override readonly name = 'AdminError'
}

/** A handler that reads its parameters by a schema first. It throws `AdminError` when they are others. */
export function command<T>(
  schema: z.ZodType<T>,
  run: (params: T, options: ControlOptions) => Promise<unknown>
): ControlHandler {
  return async (params, options) => {
    const result = schema.safeParse(params ?? {})
    if (result.success) return run(result.data, options)
    const issue = result.error.issues[0]
    throw new AdminError(`${issue?.path.join('.') || 'parameters'}: ${issue?.message ?? 'not understood'}`)
  }
}
