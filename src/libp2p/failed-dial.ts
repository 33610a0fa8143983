import type { DialFailure } from './dial-failure.js'

type Module = typeof import('./dial-failure.js')

/** `dialFailure`, which bundlers keep apart, to be loaded when a dial fails. Never rejects. */
export async function failedDial(
  cause: unknown,
  load: () => Promise<Module> = () => import('./dial-failure.js')
): Promise<DialFailure> {
  try {
    const { dialFailure } = await load()
    return await dialFailure(cause)
  } catch {
    // what cannot be loaded now most likely fails for the same reason as the dial
    const { navigator } = globalThis as { navigator?: { onLine?: boolean } }
    if (navigator?.onLine === false) return { reason: 'offline', text: 'the browser is offline' }
    return { reason: 'no-answer', text: `no answer: ${(cause as Error | undefined)?.message ?? 'nobody says why'}` }
  }
}
