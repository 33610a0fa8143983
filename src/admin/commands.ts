import { z } from 'zod'
import { toHex } from '../wire/bytes.js'
import { keyFromPassword } from '../wire/envelope/key.js'
import { type AdminRoute, json } from './answer.js'

/** Carries out one of the node's own commands, as its control socket does. */
export type Run = (command: string, params: unknown, signal: AbortSignal) => Promise<unknown>

/** Those that the page may ask for; the node checks what comes with them. */
const ALLOWED = ['trust.list', 'trust.add', 'trust.remove', 'keys.list', 'keys.remove'] as const
const asked = z.union([
  z.strictObject({ command: z.enum(ALLOWED), params: z.record(z.string(), z.unknown()).optional() }),
  z.strictObject({
    command: z.literal('keys.add'),
    params: z.strictObject({ name: z.string(), password: z.string().min(1), peer: z.string().optional() })
  })
])

/** Lists and edits trust and request keys. Errors name what is wrong with a command and what would do. */
export function commandRoute(run: Run): AdminRoute {
  return {
    method: 'POST',
    async answer({ body, headers, signal }) {
      // no form of another page can send this type
      if (headers['content-type'] !== 'application/json') return json({ error: 'post application/json' }, 415)
      const request = asked.safeParse(parsed(body))
      if (!request.success) return json({ error: `a command is one of ${[...ALLOWED, 'keys.add'].join(', ')}` }, 400)
      try {
        const { command, params = {} } = request.data
        const result = await run(command, command === 'keys.add' ? await withKey(params) : params, signal)
        return json({ result: result ?? null })
      } catch (err) {
        return json({ error: (err as Error).message }, 400)
      }
    }
  }
}

async function withKey({ password, ...params }: Record<string, unknown>): Promise<Record<string, unknown>> {
  return { ...params, key: toHex(await keyFromPassword(String(password))) }
}

function parsed(body: Buffer): unknown {
  try {
    return JSON.parse(body.toString())
  } catch {
    return undefined
  }
}
